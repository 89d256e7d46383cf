/** `npm run docs`: writes what is generated from the code. A test fails when a file is not what this writes. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { generatedDocs } from './docs/generated-docs.ts'

for (const [path, text] of Object.entries(generatedDocs())) {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
  process.stdout.write(`wrote ${path}\n`)
}
