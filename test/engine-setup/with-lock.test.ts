import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, onTestFinished, test } from 'vitest'
import { withLock } from '../../src/engine-setup/with-lock.ts'

const uniqueName = () => `longshore-test-${process.pid}-${Math.random()}`

test('two pieces of work under one lock never overlap', async () => {
  const name = uniqueName()
  let inside = 0
  let most = 0
  const work = async () => {
    inside += 1
    most = Math.max(most, inside)
    await new Promise((resolve) => setImmediate(resolve))
    inside -= 1
  }
  await Promise.all([1, 2, 3].map(() => withLock(name, { timeoutMs: 10_000 }, work)))
  expect(most).toBe(1)
})

test('work that fails frees the lock', async () => {
  const name = uniqueName()
  await expect(withLock(name, { timeoutMs: 1_000 }, () => Promise.reject(new Error('no')))).rejects.toThrow('no')
  await expect(withLock(name, { timeoutMs: 1_000 }, async () => 'free')).resolves.toBe('free')
})

test('a holder that is killed frees the lock', async () => {
  const name = uniqueName()
  const hold = `require('net').createServer().listen('\\0${name}', () => console.log('held'))`
  const holder = spawn(process.execPath, ['-e', hold], { stdio: ['ignore', 'pipe', 'inherit'] })
  onTestFinished(() => void holder.kill('SIGKILL'))
  await once(holder.stdout, 'data')
  await expect(withLock(name, { timeoutMs: 0 }, async () => 'free')).rejects.toThrow(/waiting for the lock/)
  holder.kill('SIGKILL')
  await expect(withLock(name, { timeoutMs: 10_000 }, async () => 'free')).resolves.toBe('free')
})
