import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.Base64;
import javax.crypto.Cipher;
import javax.crypto.Mac;
import javax.crypto.spec.IvParameterSpec;
import javax.crypto.spec.SecretKeySpec;

/**
 * The benchmark's job as TunedJob does it, with what the connector does beside it: reads Connector.config, decrypts both
 * credentials, takes a lock, and writes a record of the run eight times, each flushed to the disk and put in place whole.
 * Arguments: base address, job name, Connector.config (its key file beside it), and for https the file of the CA.
 */
final class SameWorkJob {
    private static Path record;

    public static void main(String[] arguments) throws Exception {
        PrintStream out = new PrintStream(new FileOutputStream(FileDescriptor.out), false, "UTF-8");
        out.println("AMT Connector");
        out.flush();
        Path config = Paths.get(arguments[2]);
        byte[] key = Base64.getUrlDecoder().decode(Files.readAllLines(config.resolveSibling("connector.key")).get(0));
        String user = decrypted(value(config, "USER="), key);
        String password = decrypted(value(config, "PASSWORD="), key);
        Path folder = Files.createDirectories(config.resolveSibling("java-runs"));
        record = folder.resolve("run-" + ProcessHandle.current().pid() + ".json");
        Path lock = folder.resolve("run-" + ProcessHandle.current().pid() + ".lock");
        FileChannel locked = FileChannel.open(lock, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        if (locked.tryLock() == null) {
            System.exit(104);
        }
        save("claimed", "");
        TunedJob job = new TunedJob(arguments[0], arguments.length > 3 ? arguments[3] : null);
        save("not started", "");
        job.logOn(user, password);
        save("logged on", "");
        save("intended", "");
        String id = job.start(arguments[1]);
        save("submitted", id);
        String status = job.awaited(id);
        save("ended", id);
        job.print(id, out);
        save("printed", id);
        out.println("Connector completed with return code " + status);
        out.flush();
        save("finished", id);
        System.exit(Integer.parseInt(status));
    }

    private static void save(String state, String id) throws IOException {
        byte[] json = ("{\n\"version\": 1,\n\"state\": \"" + state + "\",\n\"request_id\": \"" + id
            + "\",\n\"application\": \"BENCH\",\n\"time\": " + System.currentTimeMillis() + "\n}\n")
            .getBytes(StandardCharsets.UTF_8);
        Path temporary = record.resolveSibling(record.getFileName() + ".tmp");
        try (FileChannel file = FileChannel.open(temporary, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
            file.write(ByteBuffer.wrap(json));
            file.force(true);
        }
        Files.move(temporary, record, StandardCopyOption.ATOMIC_MOVE);
    }

    private static String value(Path config, String name) throws IOException {
        for (String line : Files.readAllLines(config)) {
            if (line.startsWith(name)) {
                return line.substring(line.lastIndexOf(':') + 1);
            }
        }
        throw new IOException("no " + name);
    }

    /** Opens a Fernet token: version, time and vector, AES-128-CBC, and an HMAC over all of it. */
    private static String decrypted(String token, byte[] key) throws Exception {
        byte[] content = Base64.getUrlDecoder().decode(token);
        Mac mac = Mac.getInstance("HmacSHA256");
        mac.init(new SecretKeySpec(key, 0, 16, "HmacSHA256"));
        mac.update(content, 0, content.length - 32);
        if (!MessageDigest.isEqual(mac.doFinal(), Arrays.copyOfRange(content, content.length - 32, content.length))) {
            throw new IOException("damaged");
        }
        Cipher cipher = Cipher.getInstance("AES/CBC/PKCS5Padding");
        cipher.init(Cipher.DECRYPT_MODE, new SecretKeySpec(key, 16, 16, "AES"), new IvParameterSpec(content, 9, 16));
        return new String(cipher.doFinal(content, 25, content.length - 57), StandardCharsets.UTF_8);
    }
}
