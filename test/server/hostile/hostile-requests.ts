import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib'
import {
  BODIES,
  HEADER_NAMES,
  HEADER_VALUES,
  LARGE_VALUES,
  PARTS,
  QUERY_VALUES,
  RAW_QUERIES,
  SEGMENTS,
  WRONG_VALUES,
} from './hostile-values.ts'
import { queryText, type UsualRequest } from './usual-requests.ts'

/** A request as it goes over the wire. */
export type HostileRequest = {
  readonly route: string
  /** What was done to a usual request. */
  readonly what: string
  readonly method: string
  /** With its query. */
  readonly target: string
  /** Without credentials, `Host` and `Content-Length`. */
  readonly headers: readonly (readonly [string, string])[]
  /** Made when it is sent: a table of all of them would fill memory. */
  readonly body: () => Uint8Array | undefined
  /** If it is refused as badly formed (400), its reason has to name one of these. */
  readonly names?: readonly string[] | undefined
}

/** The ways to spoil a usual request, by name. Each gives every request of its kind. */
type Spoil = (usual: UsualRequest, parameters: readonly string[]) => Iterable<HostileRequest>
export const KINDS: Readonly<Record<string, Spoil>> = {
  'as it is': function* (usual) {
    yield spoiled(usual, 'as it is', {})
  },
  'bodies of every sort': function* (usual) {
    for (const body of BODIES) yield spoiled(usual, `body ${shown(body)}`, { body: () => bytes(body) })
    for (const body of truncated(usual))
      yield spoiled(usual, `truncated at ${body.length}`, { body: () => body })
  },
  'members of the wrong type': function* (usual) {
    for (const path of isJson(usual) ? memberPaths(usual.body) : []) {
      for (const value of [...WRONG_VALUES, ...LARGE_VALUES]) {
        const body = () => bytes(withValue(usual.body, path, value))
        const names = path.filter(name => !/^\d+$/.test(name))
        yield spoiled(usual, `${path.join('.')} = ${shown(value)}`, { body, names })
      }
    }
  },
  'members that are called as nobody calls them': function* (usual) {
    for (const name of [
      '__proto__',
      'constructor',
      'toString',
      'then',
      'toJSON',
      '',
      '\\u0000',
      '\\ud800',
      '_x',
    ]) {
      const body = () => bytes(withMember(usual.body, `"${name}":{"x":1}`))
      if (isJson(usual)) yield spoiled(usual, `a member ${name}`, { body })
    }
  },
  'parameters of every sort': function* (usual, parameters) {
    for (const name of new Set([...parameters, ...Object.keys(usual.query)])) {
      for (const value of QUERY_VALUES) {
        const query = queryText({ ...usual.query, [name]: value })
        yield spoiled(usual, `?${name}=${shown(value)}`, {
          query,
          names: [name, name.replace(/^(start|end)/, '$1_')],
        })
      }
    }
    for (const query of RAW_QUERIES) yield spoiled(usual, `?${shown(query)}`, { query })
  },
  'headers of every sort': function* (usual) {
    for (const name of HEADER_NAMES) {
      for (const value of HEADER_VALUES)
        yield spoiled(usual, `${name}: ${shown(value)}`, { headers: [[name, value]] })
    }
  },
  'encodings of every sort': function* (usual) {
    for (const [n, [encoding, code]] of CODINGS.entries()) {
      const body = () => code(bodyOf(usual) ?? bytes('{}'))
      yield spoiled(usual, `${shown(encoding)}, coding ${n}`, {
        headers: [['Content-Encoding', encoding]],
        body,
      })
    }
  },
  'parts where they belong and where they do not': function* (usual) {
    for (const type of [
      'multipart/related; boundary=x',
      'multipart/related; boundary="x"',
      'multipart/mixed; boundary=x',
    ]) {
      for (const [n, parts] of PARTS.entries())
        yield spoiled(usual, `${type}, parts ${n}`, {
          headers: [['Content-Type', type]],
          body: () => bytes(parts),
        })
    }
  },
  'paths of every sort': function* (usual) {
    const segments = usual.path.split('/')
    for (const segment of SEGMENTS) {
      for (let at = 2; at <= segments.length; at++) {
        const path = [...segments.slice(0, at), segment, ...segments.slice(at + 1)].join('/')
        yield spoiled(usual, path.slice(0, 200), { path })
      }
    }
  },
}

type Change = {
  readonly path?: string
  readonly query?: string
  readonly headers?: readonly (readonly [string, string])[]
  readonly body?: () => Uint8Array | undefined
  readonly names?: readonly string[]
}

export function spoiled(usual: UsualRequest, what: string, change: Change): HostileRequest {
  const query = change.query ?? queryText(usual.query)
  const replaced = new Set(change.headers?.map(([name]) => name.toLowerCase()))
  const kept = Object.entries(usual.headers).filter(([name]) => !replaced.has(name.toLowerCase()))
  return {
    route: usual.route,
    what,
    method: usual.method,
    target: `${change.path ?? usual.path}${query === '' ? '' : `?${query}`}`,
    headers: [...kept, ...(change.headers ?? [])],
    body: change.body ?? (() => bodyOf(usual)),
    names: change.names,
  }
}

export function isJson({ body }: UsualRequest): boolean {
  return body !== undefined && !(body instanceof Uint8Array)
}

export function bodyOf({ body }: UsualRequest): Uint8Array | undefined {
  if (body === undefined || body instanceof Uint8Array) return body
  return bytes(JSON.stringify(body))
}

/** Every member, and every item of every list, of a JSON value. */
export function memberPaths(value: unknown, path: readonly string[] = []): string[][] {
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, member]) => [
    [...path, name],
    ...memberPaths(member, [...path, name]),
  ])
}

const MARK = 'the place of the value'

/** The JSON text with other text in one place. */
export function withValue(json: unknown, path: readonly string[], text: string): string {
  const marked = structuredClone(json)
  let parent = marked as Record<string, unknown>
  for (const name of path.slice(0, -1)) parent = parent[name] as Record<string, unknown>
  parent[path.at(-1) ?? ''] = MARK
  return JSON.stringify(marked).replace(`"${MARK}"`, () => text)
}

/** The JSON text with one member more in its first object. */
function withMember(json: unknown, member: string): string {
  return JSON.stringify(json ?? {})
    .replace('{', open => `${open}${member},`)
    .replace(',}', '}')
}

function* truncated(usual: UsualRequest): Iterable<Uint8Array> {
  const body = bodyOf(usual)
  if (body === undefined) return
  for (const part of [0.1, 0.3, 0.5, 0.7, 0.9]) yield body.subarray(0, Math.floor(body.length * part))
}

type Coding = readonly [encoding: string, code: (body: Uint8Array) => Uint8Array]
const CODINGS: readonly Coding[] = [
  ['gzip', body => gzipSync(body)],
  ['x-gzip', body => gzipSync(body)],
  ['GZIP', body => gzipSync(body)],
  [' gzip ', body => gzipSync(body)],
  ['gzip', body => body],
  ['gzip', () => bytes('')],
  ['gzip', body => gzipSync(body).subarray(0, 12)],
  ['gzip', body => gzipSync(body).subarray(0, -3)],
  ['gzip', body => Buffer.concat([gzipSync(body), gzipSync(body)])],
  ['gzip', body => Buffer.concat([gzipSync(body), bytes('rubbish')])],
  ['gzip', body => gzipSync(gzipSync(body))],
  ['gzip, gzip', body => gzipSync(gzipSync(body))],
  ['gzip, identity', body => gzipSync(body)],
  ['deflate', body => deflateSync(body)],
  ['deflate', body => deflateRawSync(body)],
  ['deflate', () => bytes('')],
  ['deflate', body => deflateSync(body).subarray(0, -2)],
  ['br', body => brotliCompressSync(body)],
  ['identity', body => body],
  ['', body => body],
  ['compress', body => body],
  ['__proto__', body => body],
  ['constructor', body => body],
  ['x'.repeat(5000), body => body],
  ['gzip', () => gzipSync(Buffer.alloc(1_000_000, '['))],
  ['gzip', () => gzipSync(Buffer.alloc(1_000_000))],
]

export function bytes(body: string | Uint8Array): Uint8Array {
  return typeof body === 'string' ? Buffer.from(body, 'utf8') : body
}

/** Short enough for a line. */
function shown(value: string | Uint8Array): string {
  const start = value.slice(0, 60)
  const text = typeof start === 'string' ? JSON.stringify(start) : Buffer.from(start).toString('hex')
  return value.length > 60 ? `${text}… (${value.length})` : text
}

/** The bytes of a request with its credentials. */
export function wireBytes(
  { method, target, headers, body: bodyOfIt }: HostileRequest,
  authorization: string | undefined,
): Buffer {
  const body = bodyOfIt()
  const names = new Set(headers.map(([name]) => name.toLowerCase()))
  const lines = [
    `${method} ${target} HTTP/1.1`,
    ...(names.has('host') ? [] : ['Host: divan.example']),
    ...(authorization === undefined || names.has('authorization') ? [] : [`Authorization: ${authorization}`]),
    ...headers.map(([name, value]) => `${name}: ${value}`),
    ...(body === undefined ? [] : [`Content-Length: ${body.length}`]),
  ]
  return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), body ?? Buffer.alloc(0)])
}
