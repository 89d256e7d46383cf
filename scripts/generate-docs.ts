/** `npm run docs`: writes what is generated from the code. A test fails when a file is not what this writes. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { composeTable } from '../src/compose/table.ts'
import { generatedDocs } from './docs/generated-docs.ts'

for (const [path, text] of Object.entries(generatedDocs())) {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
  process.stdout.write(`wrote ${path}\n`)
}

// The page on Compose is written by hand down to its tables.
const composePage = 'docs/compose.md'
const prose = readFileSync(composePage, 'utf8').split('\n### Top level\n')[0]
writeFileSync(composePage, `${prose}\n${composeTable()}`)
process.stdout.write(`wrote the tables of ${composePage}\n`)
