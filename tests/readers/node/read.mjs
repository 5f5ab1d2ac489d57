// Reads workbooks with several libraries, and prints their sheets as lines of JSON.
// A date is {"date": "2024-01-31T23:59:59.000Z"}.
import { createReadStream } from "node:fs";

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
// and misses later ZIP entries in the same chunk, whatever program wrote the file. Therefore it reads small chunks.
const CHUNK_BYTES = 512;

async function exceljsStream(file) {
    const options = { worksheets: "emit", sharedStrings: "cache", styles: "cache" };
    const chunks = createReadStream(file, { highWaterMark: CHUNK_BYTES });
    for await (const sheet of new ExcelJS.stream.xlsx.WorkbookReader(chunks, options)) {
        const rows = [];
        for await (const row of sheet) rows[row.number - 1] = rowOf(row.values.slice(1));
        print("exceljs-stream", file, sheet.name, Array.from(rows, (row) => row ?? []));
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
