import { databasesSeries } from './databases.ts'
import { docSizesSeries } from './doc-sizes.ts'
import { documentsSeries } from './documents.ts'
import { feedsSeries } from './feeds.ts'
import type { Series } from './series.ts'
import { writersSeries } from './writers.ts'

/** Every series, in its order. */
export const seriesTable: readonly Series[] = [
  documentsSeries,
  databasesSeries,
  feedsSeries,
  writersSeries,
  docSizesSeries,
]
