import { withConnection } from '../client/connection.ts'
import { BATCH_DOCS, bulkBodies } from '../client/docs.ts'
import { requestOf, type Target } from '../client/target.ts'
import { newUser } from '../client/user.ts'

/** Writes batches until it is told to stop; then says how many documents it wrote in a second. */
process.once('disconnect', () => process.exit())
process.once('message', async (given: Target) => {
  const { target, database } = await newUser(given)
  let isStopped = false
  process.once('message', () => {
    isStopped = true
  })
  await withConnection(target, async connection => {
    process.send?.('started')
    const started = performance.now()
    let written = 0
    for (; !isStopped; written += BATCH_DOCS)
      for (const body of bulkBodies(written, BATCH_DOCS, true))
        await connection.ask(requestOf(target, 'POST', `${database}/_bulk_docs`, body))
    process.send?.((1000 * written) / (performance.now() - started))
  })
})
