// onnxruntime-web by its own name, which is found from this folder.

export { default } from 'onnxruntime-web';
