/** Messages on their way, what channels were told, and reports that came, on SQLite. */
import type { DatabaseSync } from 'node:sqlite';
import type { Delivery, DeliveryStore, Told } from '../../core/alert.ts';
import type { ReceivedReport, ReportStore } from '../../core/report.ts';
import type { Batch } from './batch.ts';
import { bodyOf, numberOf, type Row } from './rows.ts';

export function createDeliveryStore(db: DatabaseSync, batch: Batch): DeliveryStore {
  const putDelivery = db.prepare(
    'INSERT OR REPLACE INTO deliveries (id, due_at, body) VALUES (?1, ?2, ?3)',
  );
  const removeDelivery = db.prepare('DELETE FROM deliveries WHERE id = ?1');
  const deliveries = db.prepare('SELECT body FROM deliveries ORDER BY due_at, id');
  const putTold = db.prepare(
    'INSERT OR REPLACE INTO told (channel, alert, at, body) VALUES (?1, ?2, ?3, ?4)',
  );
  const told = db.prepare('SELECT body FROM told ORDER BY at, channel, alert');
  const removeTold = db.prepare('DELETE FROM told WHERE at < ?1');
  return {
    async putDelivery(delivery) {
      const { id, dueAt } = delivery;
      await batch.write(() => putDelivery.run(id, dueAt, JSON.stringify(delivery)));
    },
    async removeDelivery(id) {
      await batch.write(() => removeDelivery.run(id));
    },
    deliveries: () => batch.read(() => deliveries.all().map(bodyOf<Delivery>)),
    async putTold(next) {
      const { channel, alert, at } = next;
      await batch.write(() => putTold.run(channel, alert, at, JSON.stringify(next)));
    },
    told: () => batch.read(() => told.all().map(bodyOf<Told>)),
    async removeTold(beforeAt) {
      await batch.write(() => removeTold.run(beforeAt));
    },
  };
}

export function createReportStore(db: DatabaseSync, batch: Batch): ReportStore {
  const addReport = db.prepare(
    `INSERT INTO reports (sender, delivery, at, handled, body) VALUES (?1, ?2, ?3, ?4, ?5)
     ON CONFLICT (sender, delivery) DO NOTHING`,
  );
  const handle = db.prepare('UPDATE reports SET handled = 1 WHERE sender = ?1 AND delivery = ?2');
  const reports = db.prepare(
    'SELECT body, handled FROM reports WHERE at >= ?1 ORDER BY at, sender, delivery',
  );
  const openReports = db.prepare(
    `SELECT body, handled FROM reports INDEXED BY reports_open WHERE handled = 0 AND at >= ?1
     ORDER BY at, sender, delivery`,
  );
  const removeReports = db.prepare('DELETE FROM reports WHERE at < ?1 AND handled = 1');
  return {
    putReport: (report) =>
      batch.write(() => {
        const { sender, deliveryId, at, handled } = report;
        const body = JSON.stringify(report);
        return Number(addReport.run(sender, deliveryId, at, handled ? 1 : 0, body).changes) > 0;
      }),
    async reportHandled(sender, deliveryId) {
      await batch.write(() => handle.run(sender, deliveryId));
    },
    reports: (sinceAt) => batch.read(() => reports.all(sinceAt).map(reportOf)),
    openReports: (sinceAt) => batch.read(() => openReports.all(sinceAt).map(reportOf)),
    async removeReports(beforeAt) {
      await batch.write(() => removeReports.run(beforeAt));
    },
  };
}

function reportOf(row: Row): ReceivedReport {
  return { ...bodyOf<ReceivedReport>(row), handled: numberOf(row, 'handled') === 1 };
}
