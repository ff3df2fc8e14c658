// Names of the web's in our declarations that a program for Node may have no types of. Empty, they only add to the DOM's own
// where those are there.

/* eslint-disable @typescript-eslint/no-empty-object-type */

interface GPU {}
interface GPUDevice {}
interface GPUBuffer {}
interface ImageBitmap {}

declare namespace WebAssembly {
  interface Module {}
  interface Memory {}
}
