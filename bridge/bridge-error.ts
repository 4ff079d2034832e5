/** Something only an operator can put right: wrong credentials, missing rights, a foreign schema. One clear line. */
export class BridgeError extends Error {
  constructor(message: string, options?: { readonly cause?: unknown }) {
    super(message, options)
    this.name = 'BridgeError'
  }
}
