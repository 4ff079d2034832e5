import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { entities } from '../../design-docs/catalogue.ts'
import { appliedTwice, noteAppliedRows } from '../fixtures/applied-rows.ts'
import { type BridgeProcess, bridgeProcess } from '../fixtures/bridge-process.ts'
import { eventually } from '../fixtures/eventually.ts'
import { compareWithFolds } from '../fixtures/fold.ts'
import { killablePostgres } from '../fixtures/killable-postgres.ts'
import { makeUser, requestsOf } from '../fixtures/mirror.ts'
import { patientWriters } from '../fixtures/patient-writers.ts'
import { COMMIT_CUTS, postgresLine } from '../fixtures/postgres-line.ts'
import { query } from '../fixtures/query.ts'
import { rounds } from '../fixtures/rounds.ts'
import { seededRandom } from '../fixtures/seeded-random.ts'
import { serverProcess } from '../fixtures/server-process.ts'

/** Of each change of these there is one row. */
const TABLES = entities
  .filter(entity => entity.database === 'main' && entity.rows === undefined)
  .map(entity => entity.table)

const BACKENDS = `select pid from pg_stat_activity where application_name = 'divan-bridge' and datname = current_database()`

t.test(
  'bridges, server and Postgres killed at random while clients write: the tables equal the fold, nothing is applied twice',
  async t => {
    const random = seededRandom(t)
    const server = await serverProcess(t)
    const postgres = await killablePostgres(t)
    const line = await postgresLine(t, postgres.url)
    const program = {
      request: requestsOf(server),
      sql: (text: string, values?: readonly unknown[]) => query(postgres.url, text, values),
    }
    const bridges: BridgeProcess[] = []
    const startBridge = () => {
      const bridge = bridgeProcess(t, server.adminUrl, line.url, 'error')
      bridges.push(bridge)
      return bridge
    }
    await startBridge().ready
    await noteAppliedRows(program, TABLES)
    startBridge()
    const users = await Promise.all(
      Array.from({ length: 4 }, () => makeUser(server.adminUrl, postgres.url, program.request)),
    )
    const writers = patientWriters(random, program, users, 60)

    const takeBridge = () => bridges.splice(random.below(bridges.length), 1)[0]
    const faults: Readonly<Record<string, () => Promise<unknown>>> = {
      async 'a bridge is killed'() {
        await takeBridge()?.kill()
        startBridge()
      },
      async 'both bridges are killed'() {
        await takeBridge()?.kill()
        await takeBridge()?.kill()
        startBridge()
        startBridge()
      },
      async 'a bridge is stopped for a while'() {
        const bridge = random.pick(bridges)
        bridge.signal('SIGSTOP')
        // Now and then for so long that Postgres ends its transaction.
        await sleep(random.chance(rounds(0, 0.1)) ? 11_000 : random.below(1000))
        bridge.signal('SIGCONT')
      },
      async 'the server is killed'() {
        await server.kill()
        await sleep(random.below(300))
        await server.start()
      },
      async 'the server is stopped for a while'() {
        process.kill(server.pid, 'SIGSTOP')
        await sleep(random.below(500))
        process.kill(server.pid, 'SIGCONT')
      },
      async 'the postmaster is killed'() {
        await postgres.kill()
        await sleep(random.below(300))
        await postgres.start()
      },
      async 'Postgres is shut down'() {
        await postgres.stop()
        await sleep(random.below(300))
        await postgres.start()
      },
      async 'a backend is killed, and Postgres with it'() {
        const backends = await program.sql(BACKENDS).catch(() => [])
        if (backends.length > 0) process.kill(Number(random.pick(backends).pid), 'SIGKILL')
      },
      'sessions are ended': () =>
        program.sql(`select pg_terminate_backend(pid) from (${BACKENDS}) bridges`).catch(() => undefined),
      async 'commits are cut'() {
        const before = line.cuts
        line.onCommit = () => (random.chance(0.3) ? random.pick(COMMIT_CUTS) : undefined)
        await eventually(() => line.cuts > before + 2, 'commits are cut')
        line.onCommit = () => undefined
      },
      async 'the line to Postgres is dead for a while'() {
        line.isDead = true
        await sleep(random.below(500))
        line.isDead = false
        line.cutAll()
      },
    }
    const names = Object.keys(faults)
    const seen = new Map<string, number>()
    for (let round = 0; round < rounds(12, 200); round++) {
      // Each of them once before any of them again.
      const name = names[round] ?? random.pick(names)
      seen.set(name, (seen.get(name) ?? 0) + 1)
      await sleep(random.below(300))
      await faults[name]?.()
    }
    await writers.stop()
    t.comment(`${writers.written} edits, ${line.cuts} commits cut`, Object.fromEntries(seen))

    await eventually(() => program.sql('select 1'), 'Postgres is back', 60_000)
    await compareWithFolds(t, program, users)
    t.strictSame(await appliedTwice(program), [])
    for (const user of users) await compareLetters(user.database)
    const errors = bridges.flatMap(bridge => bridge.log.map(({ msg, err }) => ({ msg, err })))
    t.strictSame(errors, [], 'nothing happened that was not foreseen')

    /** The server's own list of what does not fit, and the bridge's. */
    async function compareLetters(database: string): Promise<void> {
      const answer = (await program.request('GET', `${database}/_problems`)) as Problems
      const letters = await program.sql('select doc_id from divan.dead_letters where database = $1', [
        database,
      ])
      t.strictSame(letters.map(letter => letter.doc_id).sort(), answer.problems.map(({ id }) => id).sort())
    }
  },
)

type Problems = { readonly problems: readonly { readonly id: string }[] }
