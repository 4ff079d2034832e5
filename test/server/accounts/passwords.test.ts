import t from 'tap'
import { createPasswords, passwordProblem } from '../../../server/accounts/passwords.ts'

const passwords = createPasswords(4)
const address = '203.0.113.1'
const hashOf = (password: string) => passwords.hash({ password, address })
const isRight = (password: string, hash: string | undefined) => passwords.isRight({ password, address }, hash)

t.test('a hash is of its password alone, also where bcrypt by itself would take more', async t => {
  const hash = await hashOf('pässwörd')
  t.match(hash, /^\$2b\$04\$/)
  t.not(hash, await hashOf('pässwörd'), 'it is salted')
  for (const prefix of ['$2a$', '$2b$', '$2y$'])
    t.equal(await isRight('pässwörd', hash.replace('$2b$', prefix)), true, prefix)
  t.equal(await isRight('pässwörd', undefined), false)
  for (const wrong of ['passwörd', 'pässwörd ', 'pässwörd\0', 'pässwörd\0pässwörd', ''])
    t.equal(await isRight(wrong, hash), false, JSON.stringify(wrong))

  const longest = 'x'.repeat(72)
  t.equal(await isRight(longest, await hashOf(longest)), true)
  t.equal(await isRight(`${longest}x`, await hashOf(longest)), false)
  const odd = await hashOf('half\ufffd is not')
  t.equal(await isRight('half\ud800 is not', odd), false)
  t.equal(await isRight('half\ufffd is not', odd), true)
})

t.test('what is no hash is nobody’s, and as slow as one', async t => {
  const slow = createPasswords(10)
  const real = await slow.hash({ password: 'another one', address })
  const noncanonical = `${real.slice(0, -1)}/`
  for (const hash of [
    real,
    undefined,
    '',
    'a hash',
    real.slice(0, -1),
    noncanonical,
    real.replace('$10$', '$99$'),
    real.replace('$10$', '$16$'),
  ]) {
    const begun = performance.now()
    t.equal(await slow.isRight({ password: 'a password', address }, hash), false)
    const ms = performance.now() - begun
    // A real one takes fifty and more; what bcrypt cannot read, it refuses within one.
    t.ok(ms > 15, `${hash}: ${ms} ms`)
  }
})

t.test('what can be chosen', async t => {
  for (const password of ['12345678', 'ä'.repeat(36), '💪'.repeat(8)])
    t.equal(passwordProblem(password), undefined)
  for (const password of ['1234567', '💪'.repeat(7), 'ä'.repeat(37)])
    t.type(passwordProblem(password), 'string')
})
