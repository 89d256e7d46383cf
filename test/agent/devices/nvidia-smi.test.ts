import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { expect, onTestFinished, test } from 'vitest'
import { createNvidiaSource, runNvidiaSmi } from '../../../agent/devices/ask-nvidia-smi.ts'
import { cudaQuery, gpuQuery, noNvidiaFacts, parseCudaQuery, parseGpuQuery } from '../../../agent/devices/nvidia-smi.ts'

const line = 'GPU-3a5b1c2d-1111-2222-3333-444455556666, 24576, 535.183.01, 8.6, NVIDIA GeForce RTX 3090'
const head = '==============NVSMI LOG==============\n\nDriver Version    : 535.183.01\nCUDA Version      : 12.2\n'

test('each line is a GPU; what it cannot tell is left out', () => {
  expect(parseGpuQuery(`${line}\nGPU-00000000-0000, [N/A], 535.183.01, [Not Supported], [Unknown Error]\n`)).toEqual([
    {
      uuid: 'GPU-3a5b1c2d-1111-2222-3333-444455556666',
      model: 'NVIDIA GeForce RTX 3090',
      memoryBytes: 24_576 * 1_048_576,
      driverVersion: '535.183.01',
      computeCapability: '8.6',
    },
    { uuid: 'GPU-00000000-0000', driverVersion: '535.183.01' },
  ])
})

test.each([
  ['nothing', ''],
  ['a failure in words', 'NVIDIA-SMI has failed because it couldn’t communicate with the NVIDIA driver.\n'],
  ['bytes that are no text', '\u0000\ufffd\ufffd,,,,\n,,,'],
  ['a table for people', '+------+\n| NVIDIA-SMI 535.183.01 |\n'],
])('rubbish names no GPU: %s', (_name, text) => {
  expect(parseGpuQuery(text)).toEqual([])
  expect(parseCudaQuery(text)).toBeUndefined()
})

test('the CUDA version stands in the head of what it says at length', () => {
  expect(parseCudaQuery(head)).toBe('12.2')
})

const open = () => {
  const calls: (readonly string[])[] = []
  const answers: { resolve: (text: string) => void; reject: (error: Error) => void }[] = []
  const state = { news: 0, nowMs: 0 }
  const source = createNvidiaSource({
    run: (parameters) => {
      calls.push(parameters)
      return new Promise((resolve, reject) => answers.push({ resolve, reject }))
    },
    onNews: () => {
      state.news += 1
    },
    monotonicMs: () => state.nowMs,
    log: pino({ level: 'silent' }),
  })
  const next = async (): Promise<(typeof answers)[number]> => {
    await new Promise((resolve) => setImmediate(resolve))
    return answers.shift() ?? Promise.reject(new Error('nothing was asked'))
  }
  const settle = () => new Promise((resolve) => setImmediate(resolve))
  return { source, calls, state, next, settle }
}

test('nobody waits for it, it is asked once, and who looked is told that there is more', async () => {
  const { source, calls, state, next, settle } = open()
  expect(source.facts('a')).toEqual(noNvidiaFacts)
  expect(source.facts('a')).toEqual(noNvidiaFacts)
  expect(calls).toHaveLength(1)
  ;(await next()).resolve(line)
  ;(await next()).resolve(head)
  await settle()
  expect(state.news).toBe(1)
  expect(source.facts('a')).toMatchObject({ gpus: [{ computeCapability: '8.6' }], cudaVersion: '12.2' })
  expect(calls[1]).toEqual(cudaQuery)
  expect(calls).toHaveLength(2)
  // Another driver, or another GPU: it is asked anew, and the old answer is not given for the new one.
  expect(source.facts('b')).toEqual(noNvidiaFacts)
  expect(calls).toHaveLength(3)
})

test('without a driver it is not asked', () => {
  const { source, calls } = open()
  expect(source.facts(undefined)).toEqual(noNvidiaFacts)
  expect(calls).toEqual([])
})

test('one that hangs is asked by nobody else, and after a failure only ten minutes later', async () => {
  const { source, calls, state, next, settle } = open()
  source.facts('a')
  state.nowMs = 3_600_000
  source.facts('a')
  expect(calls).toHaveLength(1)
  ;(await next()).reject(new Error('it was killed'))
  await settle()
  expect(state.news).toBe(0)
  state.nowMs += 599_000
  source.facts('a')
  expect(calls).toHaveLength(1)
  state.nowMs += 2_000
  source.facts('a')
  expect(calls).toHaveLength(2)
})

const programOf = async (script: string) => {
  const folder = await mkdtemp(join(tmpdir(), 'longshore-nvidia-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const program = join(folder, 'nvidia-smi')
  await writeFile(program, `#!/bin/sh\n${script}\n`, { mode: 0o755 })
  return { folder, program }
}

test('a real program is run with the query and its output read', async () => {
  const { program } = await programOf(`[ "$1" = "${gpuQuery[0]}" ] && echo '${line}'`)
  expect(parseGpuQuery(await runNvidiaSmi(program)(gpuQuery))).toHaveLength(1)
})

test('one that hangs is killed, and one that prints without end too', async () => {
  const { folder, program } = await programOf(`echo $$ > "\${0%/*}/pid"\nexec sleep 60`)
  await expect(runNvidiaSmi(program, 300)(gpuQuery)).rejects.toThrow()
  const pid = Number(await readFile(join(folder, 'pid'), 'utf8'))
  expect(() => process.kill(pid, 0)).toThrow('ESRCH')
  const { program: endless } = await programOf('exec yes')
  await expect(runNvidiaSmi(endless)(gpuQuery)).rejects.toThrow('maxBuffer')
})

test('one that is not there, or fails, is no more than that', async () => {
  await expect(runNvidiaSmi('/nowhere/nvidia-smi')(gpuQuery)).rejects.toThrow('ENOENT')
  const { program } = await programOf('echo "NVIDIA-SMI has failed"; exit 9')
  await expect(runNvidiaSmi(program)(gpuQuery)).rejects.toThrow()
})
