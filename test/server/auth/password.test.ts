import t from 'tap'
import { hashPassword, verifyPassword } from '../../../server/auth/password.ts'

t.test('a password fits its own hash, and no other one does', async t => {
  const hash = await hashPassword('päss:word')
  t.match(hash, /^\$scrypt\$ln=15,r=8,p=1\$/)
  t.notMatch(hash, /word/)
  t.equal(await verifyPassword('päss:word', hash), true)
  t.equal(await verifyPassword('pa\u0308ss:word', hash), true, 'typed on another keyboard')
  t.equal(await verifyPassword('päss:word ', hash), false)
  t.equal(await verifyPassword('', hash), false)
})

t.test('two hashes of one password differ', async t => {
  t.not(await hashPassword('same'), await hashPassword('same'))
})

t.test('a text that is no hash is a bug, not a wrong password', async t => {
  await t.rejects(verifyPassword('x', 'x'), /a password hash/)
  await t.rejects(verifyPassword('', ''), /a password hash/)
})
