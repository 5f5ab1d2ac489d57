import java.io.BufferedReader;
import java.io.FileInputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashSet;
import java.util.Set;
import java.util.logging.Level;
import java.util.logging.Logger;

import org.verapdf.core.VeraPDFException;
import org.verapdf.gf.foundry.VeraGreenfieldFoundryProvider;
import org.verapdf.pdfa.Foundries;
import org.verapdf.pdfa.PDFAParser;
import org.verapdf.pdfa.PDFAValidator;
import org.verapdf.pdfa.flavours.PDFAFlavour;
import org.verapdf.pdfa.results.TestAssertion;
import org.verapdf.pdfa.results.ValidationResult;

/**
 * Validates files as PDF/A-2b. Reads their paths from standard input, one per line, and prints one line per file:
 * "ok", or "failed" and the clauses of ISO 19005-2 that it violates, then a tab and the path.
 */
public final class CheckPdfA {
    public static void main(String[] args) throws Exception {
        Logger.getLogger("").setLevel(Level.SEVERE);
        VeraGreenfieldFoundryProvider.initialise();
        BufferedReader paths = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String path = paths.readLine(); path != null; path = paths.readLine()) {
            System.out.println(check(path) + "\t" + path);
        }
    }

    private static String check(String path) {
        try (FileInputStream file = new FileInputStream(path);
                PDFAParser parser = Foundries.defaultInstance().createParser(file, PDFAFlavour.PDFA_2_B);
                PDFAValidator validator = Foundries.defaultInstance().createValidator(PDFAFlavour.PDFA_2_B, false)) {
            ValidationResult result = validator.validate(parser);
            return result.isCompliant() ? "ok" : "failed " + failures(result);
        } catch (VeraPDFException | java.io.IOException | RuntimeException error) {
            return "failed " + error.toString().replaceAll("\\s+", " ");
        }
    }

    private static String failures(ValidationResult result) {
        Set<String> clauses = new LinkedHashSet<>();
        for (TestAssertion assertion : result.getTestAssertions()) {
            clauses.add(assertion.getRuleId().getClause() + " (" + assertion.getMessage() + ")");
        }
        return String.join("; ", clauses).replaceAll("\\s+", " ");
    }
}
