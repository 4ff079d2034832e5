import { join } from 'node:path'
import expressPouchdb from 'express-pouchdb'
import express from 'express4'
import PouchDB from 'pouchdb-node'

/** The peer, with its data in the folder of the first argument, at the port of the second. */
const [folder = '', port] = process.argv.slice(2)
const InFolder = PouchDB.defaults({ prefix: join(folder, '/') })
const app = express()
app.use('/', expressPouchdb(InFolder, { mode: 'minimumForPouchDB', inMemoryConfig: true }))
app.listen(Number(port), '127.0.0.1')
process.on('SIGTERM', () => process.exit())
