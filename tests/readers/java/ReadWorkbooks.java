import java.io.InputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;
import javax.xml.parsers.SAXParserFactory;
import org.apache.poi.openxml4j.opc.OPCPackage;
import org.apache.poi.openxml4j.opc.PackageAccess;
import org.apache.poi.ss.usermodel.Cell;
import org.apache.poi.ss.usermodel.DateUtil;
import org.apache.poi.ss.usermodel.Row;
import org.apache.poi.ss.usermodel.Sheet;
import org.apache.poi.ss.usermodel.Workbook;
import org.apache.poi.ss.usermodel.WorkbookFactory;
import org.apache.poi.ss.usermodel.DataFormatter;
import org.apache.poi.ss.util.CellReference;
import org.apache.poi.xssf.eventusermodel.ReadOnlySharedStringsTable;
import org.apache.poi.xssf.eventusermodel.XSSFReader;
import org.apache.poi.xssf.eventusermodel.XSSFSheetXMLHandler;
import org.apache.poi.xssf.usermodel.XSSFComment;
import org.xml.sax.InputSource;
import org.xml.sax.XMLReader;

/** Reads workbooks with Apache POI's user model and its event model, and prints their sheets as lines of JSON. */
public class ReadWorkbooks {
    private static final java.io.PrintStream OUT = System.out;

    public static void main(String[] files) throws Exception {
        System.setOut(System.err); // log4j prints there
        for (String file : files) {
            readByUserModel(file);
            readByEvents(file);
        }
    }

    private static void readByUserModel(String file) throws Exception {
        try (Workbook book = WorkbookFactory.create(new java.io.File(file), null, true)) {
            for (Sheet sheet : book) {
                List<List<Object>> rows = new ArrayList<>();
                for (int at = 0; at <= sheet.getLastRowNum(); at++) {
                    List<Object> cells = new ArrayList<>();
                    Row row = sheet.getRow(at);
                    for (int column = 0; row != null && column < row.getLastCellNum(); column++) {
                        cells.add(valueOf(row.getCell(column)));
                    }
                    rows.add(cells);
                }
                print("poi", file, sheet.getSheetName(), rows);
            }
        }
    }

    private static Object valueOf(Cell cell) {
        if (cell == null) return null;
        return switch (cell.getCellType()) {
            case NUMERIC -> DateUtil.isCellDateFormatted(cell)
                ? new Date(cell.getLocalDateTimeCellValue().toString()) : (Object) cell.getNumericCellValue();
            case STRING -> cell.getStringCellValue();
            case BLANK -> null;
            default -> cell.toString();
        };
    }

    /** Reads formatted cells, which is what the event model returns. */
    private static void readByEvents(String file) throws Exception {
        try (OPCPackage book = OPCPackage.open(file, PackageAccess.READ)) {
            XSSFReader reader = new XSSFReader(book);
            ReadOnlySharedStringsTable strings = new ReadOnlySharedStringsTable(book);
            XSSFReader.SheetIterator sheets = (XSSFReader.SheetIterator) reader.getSheetsData();
            while (sheets.hasNext()) {
                try (InputStream sheet = sheets.next()) {
                    TreeMap<Integer, TreeMap<Integer, String>> rows = new TreeMap<>();
                    SAXParserFactory factory = SAXParserFactory.newInstance();
                    factory.setNamespaceAware(true);
                    XMLReader parser = factory.newSAXParser().getXMLReader();
                    Collector collector = new Collector(rows);
                    parser.setContentHandler(
                        new XSSFSheetXMLHandler(reader.getStylesTable(), strings, collector, new DataFormatter(java.util.Locale.US), false));
                    parser.parse(new InputSource(sheet));
                    List<List<Object>> lines = new ArrayList<>();
                    for (int at = 0; at <= (rows.isEmpty() ? -1 : rows.lastKey()); at++) {
                        TreeMap<Integer, String> row = rows.getOrDefault(at, new TreeMap<>());
                        List<Object> cells = new ArrayList<>();
                        for (int column = 0; column <= (row.isEmpty() ? -1 : row.lastKey()); column++) cells.add(row.get(column));
                        lines.add(cells);
                    }
                    print("poi-events", file, sheets.getSheetName(), lines);
                }
            }
        }
    }

    private record Date(String text) {}

    /** Collects cells. Fails if a cell has no reference. */
    private record Collector(TreeMap<Integer, TreeMap<Integer, String>> rows) implements XSSFSheetXMLHandler.SheetContentsHandler {
        private static int row;

        public void startRow(int number) {
            row = number;
            rows.put(number, new TreeMap<>());
        }

        public void endRow(int number) {}

        public void cell(String reference, String text, XSSFComment comment) {
            CellReference cell = new CellReference(reference);
            if (cell.getRow() != row) throw new IllegalStateException("Row " + row + " has the cell " + reference + ".");
            rows.get(row).put((int) cell.getCol(), text);
        }
    }

    private static void print(String reader, String file, String sheet, List<List<Object>> rows) {
        StringBuilder out = new StringBuilder("{\"reader\":").append(json(reader)).append(",\"file\":").append(json(file));
        out.append(",\"sheet\":").append(json(sheet)).append(",\"rows\":[");
        for (int at = 0; at < rows.size(); at++) {
            out.append(at == 0 ? "[" : ",[");
            for (int column = 0; column < rows.get(at).size(); column++) {
                out.append(column == 0 ? "" : ",").append(json(rows.get(at).get(column)));
            }
            out.append("]");
        }
        byte[] line = out.append("]}\n").toString().getBytes(java.nio.charset.StandardCharsets.UTF_8);
        OUT.write(line, 0, line.length);
        OUT.flush();
    }

    private static String json(Object value) {
        if (value == null) return "null";
        if (value instanceof Date date) return "{\"date\":" + json(date.text()) + "}";
        if (value instanceof Double) return value.toString();
        StringBuilder out = new StringBuilder("\"");
        for (char character : value.toString().toCharArray()) {
            if (character == '"' || character == '\\' || character < ' ' || Character.isSurrogate(character)) {
                out.append(String.format("\\u%04x", (int) character));
            } else {
                out.append(character);
            }
        }
        return out.append("\"").toString();
    }
}
