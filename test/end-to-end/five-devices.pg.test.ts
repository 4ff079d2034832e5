import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { startBridge } from '../../bridge/bridge.ts'
import { metricsDbName, userDbName } from '../../design-docs/user-db.ts'
import { type BadNetwork, badNetwork } from '../fixtures/bad-network.ts'
import { compareWithFolds } from '../fixtures/fold.ts'
import { type HttpClient, httpClient } from '../fixtures/http-client.ts'
import { type LegacyDevice, legacyDevice } from '../fixtures/legacy-device.ts'
import { mirrored, requestsOf } from '../fixtures/mirror.ts'
import { type PouchDevice, pouchDevice } from '../fixtures/pouch-device.ts'
import { query } from '../fixtures/query.ts'
import { rounds } from '../fixtures/rounds.ts'
import { runningServer } from '../fixtures/running-server.ts'
import { rxdbDevice } from '../fixtures/rxdb-device.ts'
import { randomOf, type SeededRandom, seededRandom } from '../fixtures/seeded-random.ts'
import { throwawayDatabase } from '../fixtures/throwaway-database.ts'
import { type Witness, witness } from '../fixtures/witness.ts'
import { agreeWithStore } from '../fixtures/workout-agreement.ts'
import type { WorkoutDevice } from '../fixtures/workout-device.ts'
import { checkHistory, type Edit } from '../fixtures/workout-history.ts'
import {
  firstMembers,
  keyOf,
  kindOfKey,
  type Members,
  randomMembers,
  type WorkoutKind,
  workoutKinds,
} from '../fixtures/workout-kinds.ts'

const DAY_MS = 86_400_000
t.setTimeout(rounds(120_000, 3_600_000))
const server = await runningServer(t)
const request = requestsOf(server)
let users = 0

/** RxDB's replication leaves promises that nobody awaits when the network fails it. */
process.on('unhandledRejection', () => {})

/** A user's five devices, all that they do, and who looks on. */
type World = {
  readonly random: SeededRandom
  readonly pouches: readonly PouchDevice[]
  readonly legacies: readonly LegacyDevice[]
  readonly devices: readonly WorkoutDevice[]
  readonly networks: readonly BadNetwork[]
  readonly witness: Witness
  readonly mine: HttpClient
  readonly userId: string
  readonly edits: Map<unknown, Edit>
  /** The time that the clocks of all devices show, but for their own faults. */
  moment: number
  things: number
}

async function worldOf(t: Test): Promise<World> {
  const random = seededRandom(t)
  const seen = witness()
  const networks: BadNetwork[] = []
  const network = () => {
    const made = badNetwork(randomOf(random.below(2 ** 32)), seen.server(fetch))
    networks.push(made)
    return seen.device(made.fetch)
  }
  const email = `user-${++users}@example.org`
  const clock = () => world.moment
  const mayBeKilled = () => networks.some(({ isBad }) => isBad)
  const legacy = (deviceId: string, more: object = {}) =>
    legacyDevice(t, {
      url: server.url,
      email,
      deviceId,
      clock,
      random,
      mayBeKilled,
      fetch: network(),
      ...more,
    })
  const a = await legacy('legacy-a')
  await a.app().signUp()
  const b = await legacy('legacy-b', { version: 'old', clockSkew: 30 * DAY_MS })
  await b.app().logIn()
  const token = a.app().token()
  const setting = (name: string) => ({ name, url: server.url, token, fetch: network() })
  const pouches = [await pouchDevice(t, setting('pouch-a')), await pouchDevice(t, setting('pouch-b'))]
  const rx = await rxdbDevice(t, setting('rxdb'))
  const { json } = await httpClient(server.url, `Bearer ${token}`).get('/api/auth/me')
  const world: World = {
    random,
    pouches,
    legacies: [a, b],
    devices: [a, b, ...pouches, rx],
    networks,
    witness: seen,
    mine: httpClient(`${server.url}/me`, `Bearer ${token}`),
    userId: json.id,
    edits: new Map(),
    moment: Date.now(),
    things: 0,
  }
  return world
}

let marks = 0

type About = Pick<Edit, 'key' | 'device'> & Partial<Edit>

/** Clocks show another time now, and a later one than any pull has told. */
async function nextMoment(world: World): Promise<void> {
  const told = world.legacies.map(({ app }) => app().lastSync())
  const newest = Math.max(world.moment, ...told.filter(time => time < Date.now() + DAY_MS))
  while (Date.now() <= newest) await sleep(1)
  world.moment = Date.now()
}

/** What every edit says. */
async function edit(world: World, kind: WorkoutKind, about: About): Promise<Members> {
  await nextMoment(world)
  return editNow(world, kind, about)
}

/** The same at the same moment as the one before. */
function editNow(world: World, kind: WorkoutKind, { key, device, removes = false, over }: About): Members {
  const mark = ++marks
  const isLegacy = world.legacies.some(({ name }) => name === device)
  world.edits.set(mark, { mark, key, device, removes, over, isLegacy })
  return { [kind.mark]: mark, updatedAt: world.moment }
}

/** A third of the things are of the app that cannot replicate alone: of these the newest edit is shown, whatever happened. */
function isLegacyOnly(key: string): boolean {
  return Number(key.split(' ').at(-1)) % 3 === 0
}

function mayWrite(world: World, device: WorkoutDevice, key: string): boolean {
  const legacy = world.legacies.find(({ name }) => name === device.name)
  if (legacy?.isBlank() === true && kindOfKey(key).isCounted) return false
  return legacy !== undefined || !isLegacyOnly(key)
}

/** Something that the device shows and may edit. */
async function pickShown(world: World, device: WorkoutDevice): Promise<string | undefined> {
  const keys = [...(await device.shown()).keys()].filter(key => mayWrite(world, device, key)).sort()
  return keys.length === 0 ? undefined : world.random.pick(keys)
}

async function change(world: World, device: WorkoutDevice, key: string, said: Members): Promise<void> {
  const kind = kindOfKey(key)
  const others = randomMembers(kind, world.random, Number(said[kind.mark]))
  await device.write(kind, key, { ...others, ...said })
}

async function editShown(world: World, device: WorkoutDevice, key: string): Promise<void> {
  await change(world, device, key, await edit(world, kindOfKey(key), { key, device: device.name }))
}

async function removeShown(world: World, device: WorkoutDevice, key: string): Promise<void> {
  const kind = kindOfKey(key)
  if (kind.subject === undefined) return
  const over = (await device.shown()).get(key)?.[kind.mark]
  await device.remove(kind, key, await edit(world, kind, { key, device: device.name, removes: true, over }))
}

/** Two devices that both show something and may edit it. */
async function pickTwo(world: World) {
  const { random, devices } = world
  const first = random.pick(devices)
  const key = await pickShown(world, first)
  if (key === undefined) return undefined
  const others: WorkoutDevice[] = []
  for (const device of devices)
    if (device !== first && mayWrite(world, device, key) && (await device.shown()).has(key))
      others.push(device)
  return others.length === 0 ? undefined : { key, first, second: random.pick(others) }
}

/** A sync that the network fails is tried again some time. */
async function trySync(device: WorkoutDevice): Promise<void> {
  await device.sync().catch(() => {})
}

type Operation = { readonly weight: number; run(world: World): Promise<unknown> }

const OPERATIONS: { readonly [name: string]: Operation } = {
  'something new': {
    weight: 12,
    async run(world) {
      const kind = world.random.pick(workoutKinds)
      const first = firstMembers(kind, ++world.things)
      const key = keyOf(kind, first)
      const able = world.devices.filter(device => mayWrite(world, device, key))
      if (able.length === 0) return
      const device = world.random.pick(able)
      const isThere = kind.subject === undefined && (await device.shown()).has(key)
      const said = await edit(world, kind, { key, device: device.name })
      await change(world, device, key, isThere ? said : { ...first, ...said })
    },
  },
  'an edit of some members': {
    weight: 25,
    async run(world) {
      const device = world.random.pick(world.devices)
      const key = await pickShown(world, device)
      if (key !== undefined) await editShown(world, device, key)
    },
  },
  'a deletion': {
    weight: 8,
    async run(world) {
      const device = world.random.pick(world.devices)
      const key = await pickShown(world, device)
      if (key !== undefined) await removeShown(world, device, key)
    },
  },
  'something deleted comes back by hand': {
    weight: 5,
    async run(world) {
      const device = world.random.pick(world.devices)
      const keys = (await device.deleted()).filter(key => mayWrite(world, device, key)).sort()
      if (keys.length === 0) return
      const key = world.random.pick(keys)
      const kind = kindOfKey(key)
      const n = Number(key.split(' ').at(-1))
      const said = await edit(world, kind, { key, device: device.name })
      await change(world, device, key, { ...firstMembers(kind, n), ...said })
    },
  },
  'an edit of the same on two devices': {
    weight: 8,
    async run(world) {
      const both = await pickTwo(world)
      if (both === undefined) return
      const { key, first, second } = both
      await editShown(world, first, key)
      if (world.random.chance(0.5)) await editShown(world, second, key)
      else await change(world, second, key, editNow(world, kindOfKey(key), { key, device: second.name }))
    },
  },
  'an edit beside a deletion': {
    weight: 10,
    async run(world) {
      const both = await pickTwo(world)
      if (both === undefined) return
      const { key, first, second } = both
      const acts = [() => editShown(world, first, key), () => removeShown(world, second, key)]
      for (const act of world.random.chance(0.5) ? acts : acts.reverse()) await act()
    },
  },
  'one device syncs': { weight: 28, run: world => trySync(world.random.pick(world.devices)) },
  'some devices sync at once': {
    weight: 6,
    run: ({ random, devices }) => Promise.all(devices.filter(() => random.chance(0.6)).map(trySync)),
  },
  'conflicts are settled': {
    weight: 3,
    async run(world) {
      await settle(world, world.random.pick(world.pouches))
    },
  },
  'a device is started again': {
    weight: 3,
    run: ({ random, devices }) => restartDevice(random.pick(devices)),
  },
  'an app is installed anew': {
    weight: 1,
    async run(world) {
      const device = world.random.pick(world.legacies)
      const isOther = world.random.chance(0.5)
      await device.reinstall(isOther ? `${device.name}-${++users}` : undefined)
    },
  },
  'the server is started again': { weight: 0.5, run: () => server.restart() },
}

const ALL_WEIGHT = Object.values(OPERATIONS).reduce((sum, { weight }) => sum + weight, 0)

function pickOperation(random: SeededRandom): Operation {
  let left = random.next() * ALL_WEIGHT
  for (const operation of Object.values(OPERATIONS)) {
    left -= operation.weight
    if (left < 0) return operation
  }
  throw new Error('the weights do not add up')
}

async function restartDevice(device: WorkoutDevice): Promise<void> {
  await device.restart().catch(() => {})
}

/** What is written for a conflict is an edit of this moment. */
async function settle(world: World, device: PouchDevice): Promise<void> {
  await nextMoment(world)
  await device.settle((kind, key) => editNow(world, kind, { key, device: device.name }))
}

/** Until nobody has anything to say any more. */
async function untilQuiet({ mine, devices }: World): Promise<void> {
  const rounds: string[] = []
  for (let round = 0; round < 12; round++) {
    const before = (await mine.get('')).json.update_seq
    const moved: number[] = []
    for (const device of devices) moved.push(await device.sync())
    const after = (await mine.get('')).json.update_seq
    if (after === before && moved.every(count => count === 0)) return
    rounds.push(`${before} to ${after}: ${moved}`)
  }
  throw new Error(`the devices never come to rest: ${rounds.join('; ')}`)
}

async function nothingIsPending(t: Test, { legacies }: World): Promise<void> {
  for (const { app, name, sync } of legacies) {
    const { pendingChanges } = await app().ownStatus()
    t.equal(pendingChanges, 0, `nothing is pending for ${name}`)
    t.equal(await sync(), 0, `${name} has nothing to send, and nothing comes`)
  }
}

/** The mirror is built now, from the end, and shows what the documents come to. */
async function tablesAgree(t: Test, { userId: sub }: World): Promise<void> {
  const [database, metricsDatabase] = [userDbName(sub), metricsDbName(sub)]
  await request('PUT', metricsDatabase)
  const databaseUrl = await throwawayDatabase(t)
  const bridge = await startBridge({ serverUrl: server.adminUrl, databaseUrl, logLevel: 'silent' })
  t.teardown(() => bridge.close())
  const sql = (text: string, values?: readonly unknown[]) => query(databaseUrl, text, values)
  const user = {
    sub,
    database,
    metricsDatabase,
    rows: (table: string) => sql(`select * from ${table} where user_id = $1 order by id`, [sub]),
    mirrored: (withinMs?: number) =>
      mirrored({ serverUrl: server.adminUrl, databaseUrl, userSub: sub }, withinMs),
  }
  await compareWithFolds(t, { sql, request }, [user])
}

/** Some operations over a bad network; then a good one, until nobody has anything to say. */
async function stretch(t: Test, world: World): Promise<void> {
  for (const network of world.networks) network.isBad = true
  for (let step = 0; step < 80; step++) await pickOperation(world.random).run(world)
  for (const network of world.networks) network.isBad = false
  await untilQuiet(world)
  await agreeWithStore(t, world, { isSettled: false })
  await checkHistory(t, world, isLegacyOnly)
}

for (let history = 0; history < rounds(1, 10); history++)
  t.test(
    'five devices of a user agree in the end, whatever they did and the network did to them',
    async t => {
      const world = await worldOf(t)
      await untilQuiet(world)
      for (let n = 0; n < rounds(3, 8); n++) await stretch(t, world)
      await settle(world, world.random.pick(world.pouches))
      await untilQuiet(world)
      await agreeWithStore(t, world, { isSettled: true })
      await nothingIsPending(t, world)
      await checkHistory(t, world, isLegacyOnly)
      t.strictSame(world.witness.refusals, [], 'no request was refused')
      await tablesAgree(t, world)
    },
  )
