import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { inTransaction, openDatabase } from "../../../src/engine/base/database.ts";
import { EngineError } from "../../../src/engine/base/errors.ts";

const fresh = () => path.join(mkdtempSync(path.join(tmpdir(), "kalactica-db-")), "kalactica.db");
const never = () => assert.fail("no damage was done");
const ONE = { room: "test", migrations: ["CREATE TABLE a (x INTEGER) STRICT"] };
const TWO = { room: "test", migrations: [...ONE.migrations, "ALTER TABLE a ADD COLUMN y TEXT; INSERT INTO a VALUES (1, 'new')"] };

describe("openDatabase", () => {
  it("applies only the missing migrations and keeps the rows", () => {
    const file = fresh();
    const first = openDatabase(file, [ONE], never);
    first.exec("INSERT INTO a VALUES (7)");
    first.close();
    for (let i = 0; i < 2; i++) {
      const again = openDatabase(file, [TWO], never);
      assert.deepEqual(again.prepare("SELECT x, y FROM a ORDER BY x").all().map((row) => ({ ...row })), [{ x: 1, y: "new" }, { x: 7, y: null }]);
      again.close();
    }
  });

  it("refuses a database of a newer engine with a sentence", () => {
    const file = fresh();
    openDatabase(file, [TWO], never).close();
    assert.throws(() => openDatabase(file, [ONE], never), (error: unknown) => error instanceof EngineError && error.reason === "indexTooNew" && /newer KaLactica/.test(error.message));
  });

  it("sets a damaged file aside and starts anew", () => {
    const file = fresh();
    writeFileSync(file, "this is not a database, and it is long enough to be read as a header of one, surely".repeat(20));
    let aside = "";
    const database = openDatabase(file, [ONE], (name) => { aside = name; });
    assert.deepEqual(database.prepare("SELECT count(*) AS n FROM a").get()?.["n"], 0);
    assert.ok(readdirSync(path.dirname(file)).includes(path.basename(aside)));
    database.close();
  });

  it("rolls a failed transaction back whole", () => {
    const database = openDatabase(fresh(), [ONE], never);
    assert.throws(() => inTransaction(database, () => {
      database.exec("INSERT INTO a VALUES (1)");
      throw new Error("half way");
    }), /half way/);
    assert.equal(database.prepare("SELECT count(*) AS n FROM a").get()?.["n"], 0);
    database.close();
  });
});
