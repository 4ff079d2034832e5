import { batchesOf, docId, docRev } from '../client/docs.ts'
import { timedReads } from './read-requests.ts'
import type { Row } from './row.ts'

const ROW_ID = '"id":"'
const BULK_GET_DOCS = 100

/** Reads in large answers, and questions about many documents. */
export const readRows: readonly Row[] = [
  {
    key: 'revs-diff',
    title: '_revs_diff, 500 at a time, half of them missing',
    unit: 'docs/s',
    better: 'more',
    goal: { ofCouch: 3, ofExpressPouchdb: 3.3 },
    async measure(target, size) {
      const half = size.documents / 2
      const requests = batchesOf(half, size.documents).map(numbers => ({
        method: 'POST' as const,
        path: '_revs_diff',
        body: JSON.stringify(Object.fromEntries(numbers.map(number => [docId(number), [docRev(number)]]))),
      }))
      const missing = await timedReads(target, size, { mark: '"missing":', rows: half, requests })
      // Answers have those that are missing; asked was for twice as many.
      return { ...missing, value: missing.value * 2, serverSeconds: halfOf(missing.serverSeconds) }
    },
  },
  {
    key: 'changes',
    title: '_changes since 0',
    unit: 'rows/s',
    better: 'more',
    goal: { ofCouch: 5, ofExpressPouchdb: 8.5 },
    measure: (target, size) =>
      timedReads(target, size, {
        mark: ROW_ID,
        rows: size.documents,
        requests: [{ method: 'GET', path: '_changes?since=0' }],
      }),
  },
  {
    key: 'changes-docs',
    title: '_changes, include_docs',
    unit: 'rows/s',
    better: 'more',
    goal: { ofCouch: 10, ofExpressPouchdb: 4.9 },
    measure: (target, size) =>
      timedReads(target, size, {
        mark: ROW_ID,
        rows: size.documents,
        requests: [{ method: 'GET', path: '_changes?since=0&include_docs=true' }],
      }),
  },
  {
    key: 'all-docs',
    title: '_all_docs, include_docs',
    unit: 'rows/s',
    better: 'more',
    goal: { ofCouch: 10, ofExpressPouchdb: 6.5 },
    measure: (target, size) =>
      timedReads(target, size, {
        mark: ROW_ID,
        rows: size.documents,
        requests: [{ method: 'GET', path: '_all_docs?include_docs=true' }],
      }),
  },
  {
    key: 'bulk-get',
    title: '_bulk_get, 100 at a time, revs=true',
    unit: 'docs/s',
    better: 'more',
    goal: { ofCouch: 5, ofExpressPouchdb: 7 },
    measure: (target, size) =>
      timedReads(target, size, {
        mark: '"ok":{',
        rows: size.documents,
        requests: batchesOf(0, size.documents, BULK_GET_DOCS).map(numbers => ({
          method: 'POST',
          path: '_bulk_get?revs=true',
          body: JSON.stringify({ docs: numbers.map(number => ({ id: docId(number), rev: docRev(number) })) }),
        })),
      }),
  },
]

function halfOf(value: number | undefined): number | undefined {
  return value === undefined ? undefined : value / 2
}
