import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { type Reading, type Reply, ReplyReader } from './reply-reader.ts'
import type { Target } from './target.ts'

/** One connection that is kept open, with one request at a time. */
export class Connection {
  readonly socket: Socket
  readonly #reader: ReplyReader
  #waiting: { resolve(reply: Reply): void; reject(error: Error): void } | undefined

  private constructor(socket: Socket) {
    this.socket = socket
    this.#reader = new ReplyReader(reply => {
      const waiting = this.#waiting
      this.#waiting = undefined
      waiting?.resolve(reply)
    })
    socket.on('data', piece => this.#reader.push(piece))
    socket.on('error', error => this.#fail(error))
    socket.on('close', () => {
      this.#reader.end()
      this.#fail(new Error('The server closed the connection before its answer was whole'))
    })
  }

  static async open({ host, port }: Pick<Target, 'host' | 'port'>): Promise<Connection> {
    const socket = connect({ host, port, noDelay: true })
    await once(socket, 'connect')
    return new Connection(socket)
  }

  /** The answer, whatever its status. */
  send(request: Buffer, reading: Reading = {}): Promise<Reply> {
    return new Promise((resolve, reject) => {
      if (this.#waiting !== undefined) throw new Error('One request at a time')
      this.#waiting = { resolve, reject }
      this.#reader.expect(reading)
      this.socket.write(request)
    })
  }

  /** The answer of a request that has to succeed. */
  async ask(request: Buffer, reading: Reading = {}): Promise<Reply> {
    const reply = await this.send(request, reading)
    if (reply.status < 400) return reply
    throw new Error(`${reply.status} for ${request.toString('latin1', 0, request.indexOf(13))}`)
  }

  close(): void {
    this.socket.destroy()
  }

  #fail(error: Error): void {
    this.#waiting?.reject(error)
    this.#waiting = undefined
  }
}

/** Fewer than a system lets wait to be accepted: those beyond are tried again only after a second. */
const CONNECTED_AT_ONCE = 100

/** So many connections, until `work` ends. */
export async function withConnections<T>(
  target: Target,
  count: number,
  work: (connections: readonly Connection[]) => Promise<T>,
): Promise<T> {
  const connections: Connection[] = []
  try {
    while (connections.length < count) {
      const slice = Math.min(CONNECTED_AT_ONCE, count - connections.length)
      connections.push(...(await Promise.all(Array.from({ length: slice }, () => Connection.open(target)))))
    }
    return await work(connections)
  } finally {
    for (const connection of connections) connection.close()
  }
}

/** One connection, until `work` ends. */
export async function withConnection<T>(
  target: Target,
  work: (connection: Connection) => Promise<T>,
): Promise<T> {
  const connection = await Connection.open(target)
  try {
    return await work(connection)
  } finally {
    connection.close()
  }
}
