#!/usr/bin/env node
/** The `longshore` command: runs the program and turns whatever comes of it into an exit code. */
import { CommanderError } from 'commander'
import { exitCode, readerGone, showError } from './output.ts'
import { createProgram } from './program.ts'

const program = createProgram()
const everyCommand = [program, ...program.commands, ...program.commands.flatMap(({ commands }) => commands)]
for (const command of everyCommand) command.exitOverride()

for (const stream of [process.stdout, process.stderr])
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
    readerGone()
  })

try {
  await program.parseAsync()
} catch (error) {
  // Commander has printed its own already; asking for help or the version is no error.
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? exitCode.done : exitCode.usage
  else process.exitCode = showError(error, process.argv.includes('--json'))
}
