/** A read ends after about this many bytes of bodies, however many rows were asked for. */
const PAGE_BYTES = 1024 * 1024

/** Takes rows until their bodies fill a page; at least one row. */
export function takePage<Row, Result>(
  rows: Iterable<Row>,
  read: (row: Row) => { readonly result: Result; readonly size: number },
): Result[] {
  const page: Result[] = []
  let bytes = 0
  for (const row of rows) {
    const { result, size } = read(row)
    page.push(result)
    bytes += size
    if (bytes >= PAGE_BYTES) break
  }
  return page
}
