import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { runProgram } from '../../src/engine-setup/run-program.ts'

const folder = join(import.meta.dirname, '../../systemd')
const units = ['longshore-agent.service', 'longshore-broker.service'] as const

const command = '/usr/bin/longshore'

/** A copy whose command exists here: verify asks for an executable file. */
const copyUnit = async (unit: string): Promise<string> => {
  const copies = await mkdtemp(join(tmpdir(), 'longshore-units-'))
  onTestFinished(() => rm(copies, { recursive: true, force: true }))
  const text = await readFile(join(folder, unit), 'utf8')
  expect(text).toMatch(new RegExp(`^ExecStart=(/usr/bin/env node --optimize-for-size )?${command} `, 'm'))
  await writeFile(join(copies, unit), text.replaceAll(command, process.execPath))
  return join(copies, unit)
}

const analyze = (...parameters: string[]) => runProgram('systemd-analyze', parameters, { timeoutMs: 30_000 })

const readSettings = async (unit: string): Promise<string[]> =>
  (await readFile(join(folder, unit), 'utf8')).split('\n').filter((line) => /^\w+=/.test(line))

test.each(units)('systemd takes %s without a warning', async (unit) => {
  expect(await analyze('verify', '--man=no', await copyUnit(unit))).toEqual({ exitCode: 0, output: '' })
})

test('verify does report a setting that systemd does not know', async () => {
  const path = await copyUnit(units[0])
  await writeFile(path, (await readFile(path, 'utf8')).replace('[Service]', '[Service]\nNoSuchSetting=yes'))
  expect((await analyze('verify', '--man=no', path)).output).toContain('NoSuchSetting')
})

describe('the agent', () => {
  test('keeps what it needs: devices, and memory that V8 may write and run', async () => {
    const names = (await readSettings(units[0])).map((line) => line.split('=')[0])
    for (const forbidden of ['PrivateDevices', 'DevicePolicy', 'DeviceAllow', 'ProtectClock', 'MemoryDenyWriteExecute'])
      expect(names).not.toContain(forbidden)
  })

  test('is told to save memory, in words that node knows', async () => {
    const start = (await readSettings(units[0])).find((line) => line.startsWith('ExecStart='))
    const [program = '', ...parameters] =
      (start ?? '').slice('ExecStart='.length).split(` ${command} `)[0]?.split(' ') ?? []
    expect(parameters).toContain('--optimize-for-size')
    expect(await runProgram(program, [...parameters, '--version'], { timeoutMs: 10_000 })).toMatchObject({
      exitCode: 0,
    })
  })

  test('is tied to no engine and never given up', async () => {
    const settings = await readSettings(units[0])
    expect(settings.filter((line) => /^(?:Requires|BindsTo|PartOf|Wants|Requisite)=/.test(line))).toEqual([])
    expect(settings).toContain('Restart=always')
    expect(settings).toContain('StartLimitIntervalSec=0')
    expect(settings).toContain('RuntimeDirectoryPreserve=yes')
  })
})

test('the broker is exposed to little: below 2.0 of 10 in the judgement of systemd-analyze security', async () => {
  const { exitCode, output } = await analyze('security', '--offline=true', '--threshold=20', await copyUnit(units[1]))
  expect(output).toContain('Overall exposure level')
  expect(exitCode).toBe(0)
})
