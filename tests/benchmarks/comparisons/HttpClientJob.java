import java.io.FileInputStream;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

/**
 * The benchmark's job as one would write it in Java 11 and later: java.net.http.HttpClient and nothing but the JDK.
 * Arguments: base address, job name, and for https the file of the CA.
 */
final class HttpClientJob {
    private final HttpClient client;
    private final String base;
    private String token = "";

    private HttpClientJob(HttpClient client, String base) {
        this.client = client;
        this.base = base;
    }

    public static void main(String[] arguments) throws Exception {
        System.out.println("AMT Connector");
        HttpClient.Builder builder = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1);
        if (arguments.length > 2) {
            builder.sslContext(trusting(arguments[2]));
        }
        System.exit(new HttpClientJob(builder.build(), arguments[0]).run(arguments[1]));
    }

    private int run(String job) throws Exception {
        token = member(post("/api/Logon", "{\"UserName\":\"bench\",\"Password\":\"bench\"}"), "AmtLogonToken");
        String start = String.format("{\"Action\":\"START\",\"ApplicationName\":\"BENCH\",\"JobName\":\"%s\",\"ScriptName\":\"\","
            + "\"SubmitUser\":\"BATCH\",\"User\":\"\",\"Station\":\"OPCON\",\"QueueName\":\"\",\"TaskValues\":[],"
            + "\"Parameters\":[]}", job);
        String query = "?BatchRequestId=" + member(post("/api/OpConJobAction", start), "BatchRequestId");
        String status = member(get("/api/MonitorJob" + query), "Status");
        while (status.equals("2")) {
            Thread.sleep(1000);
            status = member(get("/api/MonitorJob" + query), "Status");
        }
        String last = "";
        String messages = get("/api/GetMessages" + query);
        while (!messages.equals(last)) {
            last = messages;
            messages = get("/api/GetMessages" + query);
        }
        Matcher message = Pattern.compile("\"((?:[^\"\\\\]|\\\\.)*)\"").matcher(messages);
        while (message.find()) {
            System.out.println(message.group(1));
        }
        System.out.println("Connector completed with return code " + status);
        return Integer.parseInt(status);
    }

    private String get(String path) throws Exception {
        return send(request(path).GET());
    }

    private String post(String path, String body) throws Exception {
        return send(request(path).header("Content-Type", "application/json")
            .POST(HttpRequest.BodyPublishers.ofString(body)));
    }

    private HttpRequest.Builder request(String path) {
        HttpRequest.Builder builder = HttpRequest.newBuilder(URI.create(base + path));
        return token.isEmpty() ? builder : builder.header("X-AMT-LogonToken", token);
    }

    private String send(HttpRequest.Builder request) throws Exception {
        return client.send(request.build(), HttpResponse.BodyHandlers.ofString()).body();
    }

    private static String member(String json, String name) {
        Matcher matcher = Pattern.compile("\"" + name + "\":\"?([^\",}]*)").matcher(json);
        if (!matcher.find()) {
            throw new IllegalStateException("no " + name + " in " + json);
        }
        return matcher.group(1);
    }

    private static SSLContext trusting(String file) throws Exception {
        KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
        store.load(null, null);
        try (InputStream pem = new FileInputStream(file)) {
            store.setCertificateEntry("ca", CertificateFactory.getInstance("X.509").generateCertificate(pem));
        }
        TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        trust.init(store);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, trust.getTrustManagers(), null);
        return context;
    }
}
