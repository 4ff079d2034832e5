import t from 'tap'
import { type Reply, ReplyReader } from '../../../bench/client/reply-reader.ts'

const ROWS = '{"results":[{"id":"a"},{"id":"b"},{"id":"c"}]}'

const answers: readonly {
  readonly name: string
  readonly bytes: string
  readonly status: number
  readonly body: string
}[] = [
  {
    name: 'a length',
    bytes: `HTTP/1.1 200 OK\r\nContent-Length: ${ROWS.length}\r\n\r\n${ROWS}`,
    status: 200,
    body: ROWS,
  },
  {
    name: 'chunks and a trailer',
    bytes: `HTTP/1.1 201 Created\r\ntransfer-encoding: chunked\r\n\r\n${chunked(ROWS, 5)}0\r\nX-End: yes\r\n\r\n`,
    status: 201,
    body: ROWS,
  },
  { name: 'no body', bytes: 'HTTP/1.1 304 Not Modified\r\nETag: "x"\r\n\r\n', status: 304, body: '' },
  {
    name: 'an empty body',
    bytes: 'HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n',
    status: 404,
    body: '',
  },
]

function chunked(text: string, size: number): string {
  const pieces = text.match(new RegExp(`.{1,${size}}`, 'g')) ?? []
  return pieces.map(piece => `${piece.length.toString(16)}\r\n${piece}\r\n`).join('')
}

for (const { name, bytes, status, body } of answers)
  t.test(`an answer with ${name} is read and its rows are counted, however it is cut`, async t => {
    for (let size = 1; size <= bytes.length; size++) {
      const replies: Reply[] = []
      const reader = new ReplyReader(reply => replies.push(reply))
      // Two in a row: nothing of the first may be left when the second comes.
      for (let time = 0; time < 2; time++) {
        reader.expect({ mark: '"id":"', keep: true })
        for (let at = 0; at < bytes.length; at += size) reader.push(Buffer.from(bytes.slice(at, at + size)))
      }
      const expected = { status, bytes: body.length, marks: body === '' ? 0 : 3, body: Buffer.from(body) }
      t.strictSame(replies, [expected, expected], `pieces of ${size}`)
    }
  })
