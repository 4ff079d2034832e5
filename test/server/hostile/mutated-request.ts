import type { SeededRandom } from '../../fixtures/seeded-random.ts'
import {
  bodyOf,
  bytes,
  type HostileRequest,
  isJson,
  memberPaths,
  spoiled,
  withValue,
} from './hostile-requests.ts'
import {
  BODIES,
  HEADER_NAMES,
  HEADER_VALUES,
  LARGE_VALUES,
  QUERY_VALUES,
  RAW_QUERIES,
  SEGMENTS,
  WRONG_VALUES,
} from './hostile-values.ts'
import { queryText, type UsualRequest } from './usual-requests.ts'

const METHODS = [
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'DELETE',
  'OPTIONS',
  'PATCH',
  'COPY',
  'TRACE',
  'SEARCH',
] as const
/** Long and deep values are slow, and soon known. */
const LARGE_CHANCE = 0.02

/** What mutations draw from beside their own values. */
export type Pool = { readonly usual: readonly UsualRequest[]; readonly parameters: readonly string[] }

type Mutation = (request: HostileRequest, random: SeededRandom, pool: Pool) => HostileRequest

/** A usual request, changed in one to four places. */
export function mutatedRequest(random: SeededRandom, pool: Pool): HostileRequest {
  const usual = random.pick(pool.usual)
  let request = spoiled(
    usual,
    '',
    isJson(usual) && random.chance(0.6) ? { body: wrongMember(usual, random) } : {},
  )
  for (let left = random.below(4); left > 0; left--) request = random.pick(MUTATIONS)(request, random, pool)
  return request
}

function wrongMember({ body }: UsualRequest, random: SeededRandom): () => Uint8Array {
  const paths = memberPaths(body)
  const value = random.pick(random.chance(LARGE_CHANCE) ? LARGE_VALUES : WRONG_VALUES)
  const text = paths.length === 0 ? value : withValue(body, random.pick(paths), value)
  return () => bytes(text)
}

const MUTATIONS: readonly Mutation[] = [
  (request, random, { parameters, usual }) => {
    const name = random.pick([...parameters, ...Object.keys(random.pick(usual).query)])
    const value = random.chance(0.2) ? String(random.below(2 ** 31)) : random.pick(QUERY_VALUES)
    return withQuery(request, queryText({ [name]: value }))
  },
  (request, random) => (random.chance(0.3) ? withQuery(request, random.pick(RAW_QUERIES)) : request),
  (request, random) => {
    const header = [random.pick(HEADER_NAMES), random.pick(HEADER_VALUES)] as const
    return { ...request, headers: [...request.headers, header] }
  },
  (request, random) => {
    const [path = '', ...query] = request.target.split('?')
    const segments = path.split('/')
    segments[1 + random.below(segments.length)] = random.pick(SEGMENTS)
    return { ...request, target: [segments.join('/'), ...query].join('?') }
  },
  (request, random) => ({ ...request, method: random.pick(METHODS) }),
  (request, random, { usual }) => ({ ...request, body: () => bodyOf(random.pick(usual)) }),
  (request, random) => {
    const body = random.pick(BODIES)
    return body.length > 10_000 && !random.chance(LARGE_CHANCE)
      ? request
      : { ...request, body: () => bytes(body) }
  },
  (request, random) => {
    const body = cut(request.body() ?? bytes(''), random)
    return { ...request, body: () => body }
  },
  (request, random) => {
    const body = flipped(request.body() ?? bytes(''), random)
    return { ...request, body: () => body }
  },
]

function withQuery(request: HostileRequest, query: string): HostileRequest {
  return { ...request, target: `${request.target}${request.target.includes('?') ? '&' : '?'}${query}` }
}

/** Without some of its bytes, or with some of them twice. */
function cut(body: Uint8Array, random: SeededRandom): Uint8Array {
  const [a, b] = [random.below(body.length + 1), random.below(body.length + 1)]
  return Buffer.concat([body.subarray(0, a), body.subarray(b)])
}

/** With a few of its bits turned over. */
export function flipped(bytes: Uint8Array, random: SeededRandom): Buffer {
  const changed = Buffer.from(bytes)
  for (let left = 1 + random.below(3); left > 0 && changed.length > 0; left--) {
    const at = random.below(changed.length)
    changed[at] = (changed[at] ?? 0) ^ (1 << random.below(8))
  }
  return changed
}
