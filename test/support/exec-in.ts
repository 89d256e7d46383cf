/** Runs a line of shell in a container, as root of it. */
import { once } from 'node:events'
import { PassThrough } from 'node:stream'
import { docker } from './agents.ts'

/** @returns what it printed, errors too, without white space around it */
export const execIn = async (id: string, line: string, engine = docker()): Promise<string> => {
  const exec = await engine.getContainer(id).exec({ Cmd: ['sh', '-c', line], AttachStdout: true, AttachStderr: true })
  const stream = await exec.start({})
  const output = new PassThrough()
  const chunks: Buffer[] = []
  output.on('data', (chunk: Buffer) => chunks.push(chunk))
  engine.modem.demuxStream(stream, output, output)
  await once(stream, 'end')
  return Buffer.concat(chunks).toString().trim()
}
