/** A server that is measured, as its client needs to know it. */
export type Target = {
  readonly name: string
  readonly host: string
  readonly port: number
  /** Of an admin: the header's value, if the server wants one. */
  readonly authorization?: string | undefined
  /** What tokens of users are signed with, if the server has users. */
  readonly tokenSecret?: string | undefined
  /** Its process, if that is on this machine. */
  readonly pid?: number | undefined
  /** From its start to its first answer. */
  readonly startedInMs?: number | undefined
  /** How much of something it bears, if it is less than the benchmark would ask of it. */
  readonly most?: { readonly feeds: number; readonly databases: number } | undefined
}

/** The bytes of a request, made before the clock runs. */
export function requestOf(target: Target, method: string, path: string, body?: string | Buffer): Buffer {
  const lines = [
    `${method} /${path} HTTP/1.1`,
    `Host: ${target.host}:${target.port}`,
    'Accept: application/json',
    ...(target.authorization === undefined ? [] : [`Authorization: ${target.authorization}`]),
    ...(body === undefined
      ? []
      : ['Content-Type: application/json', `Content-Length: ${Buffer.byteLength(body)}`]),
  ]
  const head = Buffer.from(`${lines.join('\r\n')}\r\n\r\n`)
  return body === undefined ? head : Buffer.concat([head, Buffer.from(body)])
}
