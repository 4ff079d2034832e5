import t from 'tap'
import { listRowId, rowId } from '../../design-docs/row-id.ts'
import { isUuid, uuidV5 } from '../../design-docs/uuid.ts'

const DNS = '6ba7b810-9dad-11d1-80b4-00c04fd430c8'
const USER = '0b3f5c1e-7d2a-4e8b-9c6f-1a2b3c4d5e6f'

t.test('UUIDv5 is that of RFC 9562', async t => {
  t.equal(uuidV5(DNS, 'www.example.com'), '2ed6657d-e927-568b-95e1-2665a8aea6a2')
  t.equal(uuidV5(DNS.toUpperCase(), 'www.example.com'), '2ed6657d-e927-568b-95e1-2665a8aea6a2')
})

t.test('a row id follows from the user and the document, for ever', async t => {
  t.equal(rowId(USER, 'record:phone-1:1'), 'f3ddba10-9ecf-59c1-9130-708fa01231c5')
  t.not(rowId(USER, 'record:phone-1:1'), rowId(DNS, 'record:phone-1:1'))
  t.not(rowId(USER, 'record:phone-1:1'), rowId(USER, 'record:phone-2:1'))
  t.ok(isUuid(rowId(USER, '😀')))
})

t.test('the rows of a document are told apart by their place in it', async t => {
  t.equal(listRowId(USER, 'metrics:s:0', 3), rowId(USER, 'metrics:s:0#3'))
})
