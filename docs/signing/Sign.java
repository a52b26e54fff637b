import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/** Signs calls between Chejiajia and Tongli. Copy sign() and encode(); main() is for tests. Java 17. */
public class Sign {
    /** query: decoded {name, value}; body: the bytes as sent. Returns lower-case hex. */
    static String sign(String secret, String method, String path, List<String[]> query, byte[] body) throws Exception {
        List<String[]> pairs = new ArrayList<>();
        for (String[] p : query) {
            if (!p[0].equals("sign")) pairs.add(new String[] {encode(p[0]), encode(p[1])});
        }
        pairs.sort((a, b) -> a[0].equals(b[0]) ? a[1].compareTo(b[1]) : a[0].compareTo(b[0]));
        List<String> joined = new ArrayList<>();
        for (String[] p : pairs) joined.add(p[0] + "=" + p[1]);
        Mac mac = Mac.getInstance("HmacSHA256");
        mac.init(new SecretKeySpec(secret.getBytes(StandardCharsets.UTF_8), "HmacSHA256"));
        mac.update((method + "\n" + path + "\n" + String.join("&", joined) + "\n").getBytes(StandardCharsets.UTF_8));
        return HexFormat.of().formatHex(mac.doFinal(body));
    }

    /** RFC 3986: URLEncoder is for forms and differs in three characters. */
    static String encode(String s) {
        return URLEncoder.encode(s, StandardCharsets.UTF_8).replace("+", "%20").replace("*", "%2A").replace("%7E", "~");
    }

    /** One case a line, see README.md. */
    public static void main(String[] args) throws Exception {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII));
        for (String line; (line = in.readLine()) != null; ) {
            String[] f = line.split("\t", -1);
            List<String[]> query = new ArrayList<>();
            for (int i = 4; i + 1 < f.length; i += 2) query.add(new String[] {text(f[i]), text(f[i + 1])});
            System.out.println(sign(text(f[0]), f[1], f[2], query, HexFormat.of().parseHex(f[3])));
        }
    }

    private static String text(String hex) {
        return new String(HexFormat.of().parseHex(hex), StandardCharsets.UTF_8);
    }
}
