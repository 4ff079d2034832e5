/** Why a document does not fit its description, for the developer of the app that wrote it. */
export interface Problem {
  /** The member: `targetReps`, `samples[3].timestamp`; empty for the document itself. */
  readonly path: string
  /** A sentence. It never quotes the value, which may be secret or large. */
  readonly reason: string
}
