import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.net.HttpURLConnection;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import javax.net.ssl.HttpsURLConnection;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

/**
 * The benchmark's job with nothing but the JDK, written to start fast: HttpURLConnection, one connection a call, no
 * lambdas, no regular expressions, no string concatenation through invokedynamic (compile with
 * -XDstringConcat=inline). Arguments: base address, job name, and for https the file of the CA.
 */
final class TunedJob {
    private final String base;
    private final SSLContext tls;
    private String token;

    TunedJob(String base, String caFile) throws Exception {
        this.base = base;
        this.tls = caFile == null ? null : trusting(caFile);
    }

    public static void main(String[] arguments) throws Exception {
        TunedJob job = new TunedJob(arguments[0], arguments.length > 2 ? arguments[2] : null);
        PrintStream out = new PrintStream(new FileOutputStream(FileDescriptor.out), false, "UTF-8");
        out.println("AMT Connector");
        out.flush();
        job.logOn("bench", "bench");
        String id = job.start(arguments[1]);
        String status = job.awaited(id);
        job.print(id, out);
        out.println("Connector completed with return code " + status);
        out.flush();
        System.exit(Integer.parseInt(status));
    }

    void logOn(String user, String password) throws IOException {
        String logon = "{\"UserName\":\"" + user + "\",\"Password\":\"" + password + "\"}";
        token = member(call("POST", "/api/Logon", logon), "AmtLogonToken");
    }

    String start(String job) throws IOException {
        String start = "{\"Action\":\"START\",\"ApplicationName\":\"BENCH\",\"JobName\":\"" + job
            + "\",\"ScriptName\":\"\",\"SubmitUser\":\"BATCH\",\"User\":\"\",\"Station\":\"OPCON\",\"QueueName\":\"\","
            + "\"TaskValues\":[],\"Parameters\":[]}";
        return member(call("POST", "/api/OpConJobAction", start), "BatchRequestId");
    }

    String awaited(String id) throws Exception {
        String status = member(call("GET", "/api/MonitorJob?BatchRequestId=" + id, null), "Status");
        while (status.equals("2")) {
            Thread.sleep(1000);
            status = member(call("GET", "/api/MonitorJob?BatchRequestId=" + id, null), "Status");
        }
        return status;
    }

    void print(String id, PrintStream out) throws IOException {
        String last = "";
        String messages = call("GET", "/api/GetMessages?BatchRequestId=" + id, null);
        while (!messages.equals(last)) {
            last = messages;
            messages = call("GET", "/api/GetMessages?BatchRequestId=" + id, null);
        }
        printStrings(messages, out);
    }

    private String call(String verb, String path, String body) throws IOException {
        HttpURLConnection connection = (HttpURLConnection) new URL(base + path).openConnection();
        if (connection instanceof HttpsURLConnection) {
            ((HttpsURLConnection) connection).setSSLSocketFactory(tls.getSocketFactory());
        }
        connection.setRequestMethod(verb);
        connection.setRequestProperty("Connection", "close");
        if (token != null) {
            connection.setRequestProperty("X-AMT-LogonToken", token);
        }
        if (body != null) {
            connection.setDoOutput(true);
            connection.setRequestProperty("Content-Type", "application/json");
            connection.getOutputStream().write(body.getBytes(StandardCharsets.UTF_8));
        }
        InputStream answer = connection.getInputStream();
        ByteArrayOutputStream whole = new ByteArrayOutputStream();
        byte[] part = new byte[65536];
        for (int count = answer.read(part); count >= 0; count = answer.read(part)) {
            whole.write(part, 0, count);
        }
        answer.close();
        return whole.toString("UTF-8");
    }

    private static String member(String json, String name) {
        int from = json.indexOf(name) + name.length() + 2;
        int to = from;
        while (json.charAt(to) != ',' && json.charAt(to) != '}') {
            to++;
        }
        return json.charAt(from) == '"' ? json.substring(from + 1, to - 1) : json.substring(from, to);
    }

    /** Prints the strings of a JSON array, one a line. */
    private static void printStrings(String json, PrintStream out) {
        StringBuilder line = new StringBuilder();
        boolean inside = false;
        for (int at = 0; at < json.length(); at++) {
            char character = json.charAt(at);
            if (character == '"') {
                inside = !inside;
                if (!inside) {
                    out.println(line);
                    line.setLength(0);
                }
            } else if (inside) {
                line.append(character == '\\' ? json.charAt(++at) : character);
            }
        }
    }

    private static SSLContext trusting(String file) throws Exception {
        KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
        store.load(null, null);
        try (InputStream pem = new FileInputStream(file)) {
            CertificateFactory factory = CertificateFactory.getInstance("X.509");
            store.setCertificateEntry("ca", factory.generateCertificate(new ByteArrayInputStream(pem.readAllBytes())));
        }
        TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        trust.init(store);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, trust.getTrustManagers(), null);
        return context;
    }
}
