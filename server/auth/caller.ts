/** Who is asking, once his credentials were checked. What he may touch is decided in access.ts alone. */
export type Caller =
  /** No credentials at all. */
  | { readonly kind: 'anonymous' }
  /** The bearer of a valid token. `expiresAt` in epoch milliseconds: a live feed ends then. */
  | { readonly kind: 'user'; readonly sub: string; readonly expiresAt: number }
  /** `session` is there if he came with a cookie instead of his password. */
  | { readonly kind: 'admin'; readonly name: string; readonly session?: Session | undefined }

/** A cookie session. `renewal` is the `Set-Cookie` that this answer has to carry so that the session goes on. */
export type Session = { readonly renewal: string | undefined }
