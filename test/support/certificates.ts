/** Certificates for tests: of an authority that is gone at the end of the test. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { type Authority, makeAuthorityIn } from './authority.ts'

export const makeAuthority = async (): Promise<Authority> => {
  const folder = await mkdtemp(join(tmpdir(), 'longshore-certificates-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return makeAuthorityIn(folder)
}
