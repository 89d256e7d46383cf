import { chown, mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { initSite } from '../../../broker/enrolment/init-site.ts'
import { openLedger } from '../../../broker/enrolment/ledger.ts'
import { createToken } from '../../../broker/enrolment/operate.ts'

// Only root can give a folder away.
test.runIf(process.getuid?.() === 0)(
  'what root writes belongs to the user of the broker, as the folder does',
  async () => {
    const parent = await mkdtemp(join(tmpdir(), 'longshore-owner-'))
    onTestFinished(() => rm(parent, { recursive: true, force: true }))
    await chown(parent, 61_234, 61_234)
    const nowMs = Date.now()
    const site = {
      folder: join(parent, 'site'),
      names: ['localhost'],
      port: 1,
      root: 'longshore',
      operator: 'ada',
      nowMs,
    }
    const { files, made } = await initSite(site)
    await createToken(files, { uses: 1, lifetimeMs: 1_000, device: undefined, labels: {}, nowMs })
    const issued = {
      serial: 'a1',
      device: 'gw-1',
      key: 'k',
      since: 1,
      issuedAt: 1,
      notAfter: nowMs,
      certificate: 'PEM',
    }
    await (await openLedger(files.ledger, nowMs)).append(issued)
    const written = [
      files.folder,
      files.tokens,
      files.revoked,
      files.ledger,
      files.authorityKey,
      files.brokerKey,
      ...made,
    ]
    for (const path of written) expect([path, (await stat(path)).uid]).toEqual([path, 61_234])
  },
)

test('a folder that cannot be made is named', async () => {
  const parent = await mkdtemp(join(tmpdir(), 'longshore-owner-'))
  onTestFinished(() => rm(parent, { recursive: true, force: true }))
  await writeFile(join(parent, 'file'), '')
  const site = { names: ['localhost'], port: 1, root: 'longshore', operator: 'ada', nowMs: 0 }
  await expect(initSite({ ...site, folder: join(parent, 'file', 'site') })).rejects.toMatchObject({
    code: 'file-unwritable',
  })
  await expect(initSite({ ...site, folder: parent, operator: 'a b' })).rejects.toMatchObject({ code: 'usage' })
})
