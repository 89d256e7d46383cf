/** Nodes and terminals that somebody who is not root of this machine may have made, or have: nobody gets them by their path. */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readlink, rm } from 'node:fs/promises'
import { promisify } from 'node:util'
import { expect, onTestFinished, test } from 'vitest'
import { readPathDevice } from '../../../agent/devices/path-devices.ts'
import { eventually } from '../../support/eventually.ts'

test('a node outside of /dev itself, as a container makes one in shared memory or a volume', async () => {
  const planted = `/dev/shm/longshore-planted-${process.pid}`
  onTestFinished(() => rm(planted, { force: true }))
  await promisify(execFile)('mknod', [planted, 'c', '1', '1'])
  expect(await readPathDevice(planted)).toEqual({ kind: 'other' })
})

test('a terminal is had by its name under /dev, and not by its number, behind which somebody may be logged in', async () => {
  const link = `/dev/ttyT-${process.pid}`
  const child = spawn('socat', [`pty,link=${link}`, 'STDIO'], { stdio: ['pipe', 'ignore', 'ignore'] })
  onTestFinished(async () => {
    const gone = once(child, 'exit')
    child.kill('SIGKILL')
    await gone
    await rm(link, { force: true })
  })
  const node = await eventually('the terminal', () => readlink(link))
  expect(await readPathDevice(link)).toMatchObject({ device: { class: 'pty', node, links: [link] } })
  expect(await readPathDevice(node)).toEqual({ kind: 'other' })
})
