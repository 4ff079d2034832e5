import { createServer } from 'node:net'
import { EmbeddedPostgresError } from './embedded-postgres-error.ts'

/** True when nobody listens on this port of 127.0.0.1 at this moment. */
export async function isFreePort(port: number): Promise<boolean> {
  return (await listenOnce(port)) !== undefined
}

/** A port of 127.0.0.1 that is free at this moment. */
export async function freePort(): Promise<number> {
  const port = await listenOnce(0)
  if (port === undefined) throw new EmbeddedPostgresError('No port of 127.0.0.1 is free')
  return port
}

function listenOnce(port: number): Promise<number | undefined> {
  return new Promise(resolve => {
    const server = createServer()
    server.once('error', () => resolve(undefined))
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => {
      const address = server.address()
      const got = address !== null && typeof address === 'object' ? address.port : undefined
      server.close(() => resolve(got))
    })
  })
}
