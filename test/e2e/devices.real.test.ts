/** Hardware that is plugged in and out, followed into containers of a real engine. The nodes and their drivers are real. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, existsSync, openSync } from 'node:fs'
import { rm, writeFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { docker } from '../support/agents.ts'
import { eventually } from '../support/eventually.ts'
import { execIn } from '../support/exec-in.ts'
import { asking, one, openLine, other, plc, replug, sameUnderAnotherName } from '../support/line.ts'
import { deployAndWait, endingFor, removeApp, reportThat, send } from '../support/story.ts'
import { readConsole, typeOnConsole } from '../support/test-ports.ts'
import { openLoop } from '../support/uart-loop.ts'

/** inotify hears of a link outside of /dev from nobody: anything that comes under /dev says "look". */
const pokeDev = async (device: string): Promise<void> => {
  await writeFile(`/dev/longshore-poke-${device}`, '')
  await rm(`/dev/longshore-poke-${device}`)
}

const succeeded = { isSuccess: true, outcome: 'succeeded' }

test('a service waits for its adapter, starts when it is plugged in, and keeps it at its path in the same container', async () => {
  const { device, fleet, nodeOf, plug, unplug, containerOf, has } = await openLine()
  const sent = await send(fleet, device, asking(plc))
  const waiting = await reportThat(fleet, device, 'line', 'to wait', ({ phase }) => phase === 'waiting')
  expect(waiting.waitingFor).toEqual([
    {
      code: 'device-missing',
      message: 'service web waits for a device with USB 0403:6001 and serial number A1: none is plugged in',
      path: 'compose.services.web.x-longshore.devices',
    },
  ])
  await plug(2)
  await plug(0)
  expect(await endingFor(fleet, sent)).toEqual(succeeded)
  const before = await containerOf()
  await has(one.minor)
  const hear = async (port: number, text: string): Promise<void> => {
    const heard = execIn(before.id, 'timeout 10 head -n 1 < /dev/ttyPLC')
    await delay(300)
    await typeOnConsole(nodeOf(port), `${text}\n`)
    expect(await heard).toBe(text)
  }
  await hear(0, 'to the first')
  await execIn(before.id, 'echo first > /dev/ttyPLC')
  await eventually('the words', async () => (await readConsole(one.minor)).includes('first'))

  await unplug(0)
  await has(undefined)
  await plug(1)
  await has(sameUnderAnotherName.minor)
  await hear(1, 'to the second')
  await execIn(before.id, 'echo second > /dev/ttyPLC')
  await eventually('the words', async () => (await readConsole(sameUnderAnotherName.minor)).includes('second'))
  expect(await containerOf()).toEqual(before)

  // Its neighbours of the same driver are out of reach.
  expect(await execIn(before.id, 'mknod /tmp/n c 4 52 2>&1')).toContain('not permitted')
  expect(await execIn(before.id, 'ls /dev | grep ttyT')).toBe('')
  expect(await deployAndWait(fleet, device, asking(plc))).toEqual(succeeded)
  expect(await containerOf()).toEqual(before)
}, 60_000)

test('a crash, an end of the agent, and what changed meanwhile: the node is right each time', async () => {
  const { device, fleet, plug, unplug, start, agent, containerOf, has, crash } = await openLine()
  await plug(0)
  expect(await deployAndWait(fleet, device, asking(plc))).toEqual(succeeded)
  const { id } = await containerOf()
  await crash()
  await has(one.minor)
  await unplug(0)
  await has(undefined)
  // A place is kept for it, so that the engine can start the container without it.
  await crash()
  await has(undefined)
  await plug(1)
  await has(sameUnderAnotherName.minor)

  await agent.stop()
  await unplug(1)
  const second = await start(agent.state)
  await has(undefined)
  await second.stop()
  await plug(0)
  const third = await start(agent.state)
  await has(one.minor)
  await third.stop()
  await unplug(0)
  await plug(1)
  await crash()
  await start(agent.state)
  await has(sameUnderAnotherName.minor)
  expect((await containerOf()).id).toBe(id)
}, 90_000)

test('what one service has, no other gets; the first that waits gets it when it is given back', async () => {
  const { device, fleet, plug } = await openLine([one])
  const waiting = { ...asking(plc), name: 'late' }
  await plug(0)
  expect(await deployAndWait(fleet, device, asking(plc))).toEqual(succeeded)
  const sent = await send(fleet, device, waiting)
  const report = await reportThat(fleet, device, 'late', 'to wait', ({ waitingFor = [] }) => waitingFor.length > 0)
  expect(report.waitingFor).toMatchObject([
    { code: 'device-claimed', message: expect.stringContaining('is held by service web of app line') },
  ])
  await removeApp(fleet, device, 'line')
  expect(await endingFor(fleet, sent)).toEqual(succeeded)
  await removeApp(fleet, device, 'late')
  await eventually('nothing to stand for a device', () => !existsSync(`/dev/longshore/${device}`))
}, 60_000)

test('restart: the container has the exact device only, and is restarted when it changes', async () => {
  const { device, fleet, plug, unplug, containerOf, has } = await openLine()
  await plug(0)
  expect(await deployAndWait(fleet, device, asking({ ...plc, onReplug: 'restart' }))).toEqual(succeeded)
  const before = await containerOf()
  await unplug(0)
  await plug(1)
  await has(sameUnderAnotherName.minor)
  const after = await containerOf()
  expect(after.id).toBe(before.id)
  expect(after.startedAt).not.toBe(before.startedAt)
  const rules = (await docker().getContainer(after.id).inspect()).HostConfig.DeviceCgroupRules
  expect(rules ?? []).toEqual([])
  expect(await reportThat(fleet, device, 'line', 'to run', ({ phase }) => phase === 'running')).toBeDefined()
}, 60_000)

test('signal: the program is told that the device is back', async () => {
  const { device, fleet, plug, unplug, containerOf, has } = await openLine()
  await plug(0)
  const model = asking({ ...plc, onReplug: 'signal:HUP' })
  Object.assign(model.services.web as object, {
    command: ['sh', '-c', 'trap "echo told >> /tmp/told" HUP; trap "exit 0" TERM; while :; do sleep 0.1; done'],
  })
  expect(await deployAndWait(fleet, device, model)).toEqual(succeeded)
  const before = await containerOf()
  await unplug(0)
  await has(undefined)
  await plug(0)
  await has(one.minor)
  await eventually('the signal', async () => (await execIn(before.id, 'cat /tmp/told 2>/dev/null')) === 'told')
  expect(await containerOf()).toEqual(before)
}, 60_000)

test('what can be had without is, and the container is made anew when it comes', async () => {
  const { device, fleet, plug, containerOf, has } = await openLine()
  const optional = asking({ ...plc, required: false }, { match: { serialNumber: 'B2' }, target: '/dev/ttyScale' })
  await plug(2)
  expect(await deployAndWait(fleet, device, optional)).toEqual(succeeded)
  await has(undefined)
  await has(other.minor, '/dev/ttyScale')
  const before = await containerOf()
  await plug(0)
  await has(one.minor)
  expect((await containerOf()).id).not.toBe(before.id)
  await has(other.minor, '/dev/ttyScale')
}, 60_000)

test('all of a kind: each has a target of its own, and another one comes into the running container', async () => {
  const { device, fleet, plug, unplug, containerOf, has } = await openLine()
  await plug(0)
  const all = asking({ match: { usb: '0403:*' }, count: 'all', target: '/dev/ttyLine{n}' })
  expect(await deployAndWait(fleet, device, all)).toEqual(succeeded)
  const before = await containerOf()
  await plug(2)
  await has(one.minor, '/dev/ttyLine0')
  await has(other.minor, '/dev/ttyLine1')
  await unplug(0)
  await has(undefined, '/dev/ttyLine0')
  await has(other.minor, '/dev/ttyLine1')
  expect(await containerOf()).toEqual(before)
}, 60_000)

test('a virtual serial port: both ends speak, also after it was made anew', async () => {
  const { device, fleet, containerOf } = await openLine([])
  const link = `/dev/shm/longshore-tty-${device}`
  const openTerminal = () => {
    const child = spawn('socat', [`pty,link=${link},raw,echo=0,mode=660`, 'STDIO'], {
      stdio: ['pipe', 'pipe', 'ignore'],
    })
    const gone = once(child, 'exit')
    let heard = ''
    child.stdout.on('data', (chunk: Buffer) => {
      heard += chunk.toString()
    })
    const end = async (): Promise<void> => {
      child.kill('SIGKILL')
      await gone
      await rm(link, { force: true })
    }
    onTestFinished(end)
    return { say: (text: string) => child.stdin.write(text), heard: () => heard, end }
  }
  const bothSpeak = async (terminal: ReturnType<typeof openTerminal>): Promise<void> => {
    const { id } = await containerOf()
    await execIn(id, '(head -n 1 /dev/ttyPLC > /tmp/heard) & sleep 0.3; echo question > /dev/ttyPLC')
    await eventually('the question', () => terminal.heard().includes('question'))
    terminal.say('answer\n')
    await eventually('the answer', async () => (await execIn(id, 'cat /tmp/heard')) === 'answer')
  }
  const sent = await send(fleet, device, asking({ match: { path: link }, target: '/dev/ttyPLC' }))
  await reportThat(fleet, device, 'line', 'to wait', ({ waitingFor = [] }) => waitingFor[0]?.code === 'device-missing')
  const first = openTerminal()
  await eventually('the terminal', () => existsSync(link))
  await pokeDev(device)
  expect(await endingFor(fleet, sent)).toEqual(succeeded)
  await bothSpeak(first)
  const before = await containerOf()
  const replace = async (terminal: ReturnType<typeof openTerminal>) => {
    await terminal.end()
    const next = openTerminal()
    await eventually('the terminal', () => existsSync(link))
    await pokeDev(device)
    return next
  }
  const sameNumber = await replace(first)
  await eventually('a restart', async () => (await containerOf()).startedAt !== before.startedAt)
  expect((await containerOf()).id).toBe(before.id)
  await bothSpeak(sameNumber)
  // The lowest number that is free is taken before the next one is made.
  const keepNumber = async (): Promise<void> => {
    const holder = openSync('/dev/ptmx', 'r+')
    onTestFinished(() => closeSync(holder))
  }
  await sameNumber.end()
  await keepNumber()
  const otherNumber = await replace(sameNumber)
  await eventually('a container with it', async () => (await containerOf()).id !== before.id)
  await bothSpeak(otherNumber)
}, 90_000)

test('a UART: data flows both ways before and after a replug', async ({ skip }) => {
  // The first UART of a PC; its driver can connect what it sends with what it receives (TIOCM_LOOP, tty_ioctl(4)).
  const loop = await openLoop()
  if (loop === undefined) skip('no UART here that hears itself')
  const uart = { serial: 'U1', major: 4, minor: 64 }
  const { device, fleet, plug, unplug, containerOf, has } = await openLine([uart, uart])
  await plug(0)
  expect(await deployAndWait(fleet, device, asking({ ...plc, match: { serialNumber: 'U1' } }))).toEqual(succeeded)
  const before = await containerOf()
  const echo = async (text: string): Promise<void> => {
    const line = `stty raw -echo < /dev/ttyPLC 2>/dev/null; (timeout 3 head -n 1 /dev/ttyPLC > /tmp/heard) & sleep 0.3; echo ${text} > /dev/ttyPLC; wait; cat /tmp/heard`
    expect(await execIn(before.id, line)).toBe(text)
  }
  await echo('before')
  await unplug(0)
  await has(undefined)
  await plug(1)
  await has(uart.minor)
  await echo('after')
  expect(await containerOf()).toEqual(before)
}, 60_000)

test('100 replugs leave nothing open and nothing behind', async () => {
  await replug(await openLine(), 100)
}, 120_000)
