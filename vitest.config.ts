import { defineConfig } from 'vitest/config'

const prove = (name: string, env: Readonly<Record<string, string>> = {}) => ({
  test: {
    name,
    env,
    include: [`test/prove/${process.env.PROVE}-*.prove.ts`],
    globalSetup: ['test/support/real-setup.ts'],
    testTimeout: 180_000,
    hookTimeout: 60_000,
    // Of what runs in one file: kills wait most of the time.
    maxConcurrency: 4,
    maxWorkers: 4,
  },
})

const proving = (part: string) =>
  part === 'brokers'
    ? ['mosquitto', 'nats'].map((name) => prove(`prove ${name}`, { TEST_BROKER: name }))
    : [prove('prove')]

/** `unit` needs nothing but Node; `real` needs a container engine and Mosquitto, which its set-up installs and starts. */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          setupFiles: ['test/support/seed.ts'],
          exclude: ['test/**/*.real.test.ts'],
          testTimeout: 20_000,
        },
      },
      // Long campaigns: npm run prove.
      ...(process.env.PROVE === undefined ? [] : proving(process.env.PROVE)),
      {
        test: {
          name: 'real',
          include: ['test/**/*.real.test.ts'],
          globalSetup: ['test/support/real-setup.ts'],
          testTimeout: 180_000,
          maxConcurrency: 3,
          hookTimeout: 60_000,
          maxWorkers: 3,
          // After the unit tests: both at once would be too much for two cores.
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
})
