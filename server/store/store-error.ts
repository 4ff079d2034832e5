/** Why a store could not be opened, in one line that a person can act on. */
export class StoreError extends Error {
  constructor(message: string, options?: { readonly cause?: unknown }) {
    super(message, options)
    this.name = 'StoreError'
  }
}
