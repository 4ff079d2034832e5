import t from 'tap'
import { timestamptzText } from '../../../bridge/mapping/timestamptz.ts'

t.test('times are written so that Postgres reads them, in any year', async t => {
  const cases: readonly (readonly [number, string])[] = [
    [0, '1970-01-01T00:00:00.000Z'],
    [1_700_000_000_123, '2023-11-14T22:13:20.123Z'],
    [-1, '1969-12-31T23:59:59.999Z'],
    [253_402_300_800_000, '10000-01-01T00:00:00.000Z'],
    [8_640_000_000_000_000, '275760-09-13T00:00:00.000Z'],
    [-62_135_596_800_000, '0001-01-01T00:00:00.000Z'],
    [-62_135_596_800_001, '0001-12-31T23:59:59.999Z BC'],
    [-210_866_803_200_000, '4714-11-24T00:00:00.000Z BC'],
  ]
  for (const [epochMs, text] of cases) t.equal(timestamptzText(epochMs), text)
})
