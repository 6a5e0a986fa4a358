/** Child process of the lock test: takes the lock, says so, and stays until it is killed. */
import { lockStateFolder } from '../../store/lock.ts';

const lock = lockStateFolder(process.argv[2]!, { command: 'run' });
lock.announce('127.0.0.1:8420');
process.stdout.write('locked\n');
setInterval(() => lock.holder, 60_000);
