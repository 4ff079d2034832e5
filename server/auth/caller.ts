/** Who is asking, once his credentials were checked. What he may touch is decided in access.ts alone. */
export type Caller =
  /** No credentials at all. */
  | { readonly kind: 'anonymous' }
  /** The bearer of a valid token. `expiresAt` in epoch milliseconds: a live feed ends then. */
  | { readonly kind: 'user'; readonly sub: string; readonly expiresAt: number }
  | { readonly kind: 'admin'; readonly name: string }
