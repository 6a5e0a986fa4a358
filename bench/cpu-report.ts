/** Preloaded into every measured process: writes what the whole process has used, start-up included. */
import fs from 'node:fs';

const file = process.env['KEYHOUND_BENCH_REPORT'];

if (file !== undefined) {
  process.on('exit', () => {
    const { user, system } = process.cpuUsage();
    const { maxRSS } = process.resourceUsage();
    const usage = { cpuSeconds: (user + system) / 1e6, rssMaxBytes: maxRSS * 1024 };
    fs.writeFileSync(file, JSON.stringify(usage));
  });
}
