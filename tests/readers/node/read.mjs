// Reads workbooks with several libraries, and prints their sheets as lines of JSON.
// A date is {"date": "2024-01-31T23:59:59.000Z"}.
import { createReadStream } from "node:fs";
import { Readable } from "node:stream";
import { setTimeout } from "node:timers/promises";

import ExcelJS from "exceljs";
import readXlsxFile from "read-excel-file/node";
import XLSX from "xlsx";

const cell = (value) => {
    if (value instanceof Date) return { date: value.toISOString() };
    if (value && typeof value === "object" && "richText" in value) return value.richText.map((run) => run.text).join("");
    return value === undefined ? null : value;
};
// Array.from fills the holes of sparse arrays, which map() would keep.
const rowOf = (values) => Array.from(values, cell);
const print = (reader, file, sheet, rows) => console.log(JSON.stringify({ reader, file, sheet, rows }));

async function exceljsFile(file) {
    const book = new ExcelJS.Workbook();
    await book.xlsx.readFile(file);
    for (const sheet of book.worksheets) {
        const rows = [];
        sheet.eachRow({ includeEmpty: true }, (row) => rows.push(rowOf(row.values.slice(1))));
        print("exceljs", file, sheet.name, rows);
    }
}

// If shared strings follow the sheets, as in the files of Excel and openpyxl, exceljs writes sheets to temporary files,
// and misses ZIP entries that arrive meanwhile, whatever program wrote the file. Therefore it gets small chunks, and on
// a busy machine, where a temporary file takes longer, it tries again with pauses between the chunks.
const CHUNK_BYTES = 512;
const PAUSES_MS = [0, 2, 10, 50];

async function* chunksOf(file, pause) {
    for await (const chunk of createReadStream(file, { highWaterMark: CHUNK_BYTES })) {
        if (pause) await setTimeout(pause);
        yield chunk;
    }
}

async function sheetsOfStream(file, pause) {
    const options = { worksheets: "emit", sharedStrings: "cache", styles: "cache" };
    const sheets = [];
    for await (const sheet of new ExcelJS.stream.xlsx.WorkbookReader(Readable.from(chunksOf(file, pause)), options)) {
        const rows = [];
        for await (const row of sheet) rows[row.number - 1] = rowOf(row.values.slice(1));
        // Without workbook.xml, which it missed, a sheet has no name.
        if (sheet.name === undefined) throw new Error("exceljs missed an entry of the ZIP file");
        sheets.push([sheet.name, Array.from(rows, (row) => row ?? [])]);
    }
    return sheets;
}

async function exceljsStream(file) {
    for (const pause of PAUSES_MS) {
        try {
            for (const [name, rows] of await sheetsOfStream(file, pause)) print("exceljs-stream", file, name, rows);
            return;
        } catch (error) {
            if (pause === PAUSES_MS.at(-1)) throw error;
        }
    }
}

function sheetjs(file) {
    const book = XLSX.readFile(file, { cellDates: false });
    for (const name of book.SheetNames) {
        const rows = XLSX.utils.sheet_to_json(book.Sheets[name], { header: 1, raw: true, defval: null, blankrows: true });
        print("sheetjs", file, name, rows);
    }
}

async function readExcelFile(file) {
    for (const { sheet, data } of await readXlsxFile(file, { trim: false })) print("read-excel-file", file, sheet, data.map(rowOf));
}

for (const file of process.argv.slice(2)) {
    for (const read of [exceljsFile, exceljsStream, sheetjs, readExcelFile]) await read(file);
}
