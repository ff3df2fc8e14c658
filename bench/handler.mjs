// The other side of process.mjs and chromium.mjs: calls the function that a message names, and sends what it gives.

const in_node = typeof process === 'object';
const send = in_node ? (message) => process.send(message) : (message) => postMessage(message);

async function handle({ id, module, name, args }) {
  try {
    const functions = await import(module);
    send({ id, value: await functions[name](...args) });
  } catch (error) {
    const { code, message = String(error), hint } = error ?? {};
    send({ id, error: { code, message, hint } });
  }
}

if (in_node) process.on('message', handle);
else globalThis.onmessage = ({ data }) => handle(data);
