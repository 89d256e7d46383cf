import { mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { expect, onTestFinished, test } from 'vitest'
import { readPathDevice, withPathDevices } from '../../../agent/devices/path-devices.ts'
import { adapter, wish } from '../../support/hardware.ts'

const linkTo = async (target: string): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'longshore-links-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const link = join(folder, 'link')
  await symlink(target, link)
  return link
}

const nullDevice = { class: 'other', name: 'null', node: '/dev/null', major: 1, minor: 3, gid: 0 }

test('a node, and a link to it', async () => {
  expect(await readPathDevice('/dev/null')).toEqual({ kind: 'device', device: nullDevice })
  const link = await linkTo('/dev/null')
  expect(await readPathDevice(link)).toEqual({ kind: 'device', device: { ...nullDevice, links: [link] } })
})

test('what is not there, a link to it, and one to itself', async () => {
  for (const path of ['/dev/absent', await linkTo('/dev/absent'), await linkTo('link')])
    expect(await readPathDevice(path)).toBeUndefined()
})

test('an empty folder is nothing yet', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'longshore-empty-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  expect(await readPathDevice(folder)).toBeUndefined()
})

test('folders and files are left to the engine', async () => {
  for (const path of ['/dev', '/proc/self/stat']) expect(await readPathDevice(path)).toEqual({ kind: 'other' })
})

test('a link that is pointed elsewhere all the time: the numbers are those of the node that is named', async () => {
  const link = await linkTo('/dev/null')
  const swap = `
    const { renameSync, symlinkSync } = require('node:fs')
    for (let turn = 0; ; turn += 1) {
      symlinkSync(turn % 2 ? '/dev/zero' : '/dev/null', ${JSON.stringify(`${link}.next`)})
      renameSync(${JSON.stringify(`${link}.next`)}, ${JSON.stringify(link)})
    }`
  const worker = new Worker(swap, { eval: true })
  const seen = new Set<string>()
  for (let turn = 0; turn < 1_000; turn += 1) {
    const at = await readPathDevice(link)
    if (at?.kind === 'device') seen.add(`${at.device.node} ${at.device.minor}`)
  }
  await worker.terminate()
  expect([...seen].sort()).toEqual(['/dev/null 3', '/dev/zero 5'])
})

test('another name of a port that was found is the same port, which one service has to itself', async () => {
  const link = await linkTo('/dev/null')
  // Its numbers are those of a node that every machine has.
  const port = adapter('ttyUSB0', { major: 1, minor: 3 })
  const { devices } = await withPathDevices([wish('a', { match: { path: link } })], [port])
  expect(devices).toEqual([{ ...port, links: [link] }])
})
