// Raw input to tensors: resizing and tokenising, once for every host.
export {};
