import java.lang.reflect.Array;
import java.lang.reflect.Field;
import java.lang.reflect.Method;

/**
 * Starts DynamoDB Local on 127.0.0.1. It has no option for the address and would listen on every
 * interface, so each connector of its Jetty is set to loopback before the server starts.
 */
public class LocalDynamo {
  public static void main(String[] args) throws Exception {
    Object runner = Class.forName("software.amazon.dynamodb.services.local.main.ServerRunner")
        .getMethod("createServerFromCommandLineArgs", String[].class)
        .invoke(null, (Object) args);
    Field field = runner.getClass().getDeclaredField("server");
    field.setAccessible(true);
    Object jetty = field.get(runner);
    Object connectors = jetty.getClass().getMethod("getConnectors").invoke(jetty);
    for (int i = 0; i < Array.getLength(connectors); i++) {
      Object connector = Array.get(connectors, i);
      Method setHost = connector.getClass().getMethod("setHost", String.class);
      setHost.invoke(connector, "127.0.0.1");
    }
    runner.getClass().getMethod("start").invoke(runner);
    System.out.println("LISTENING");  // the Go side waits for this: the port is ours, not a stranger's
    System.out.flush();
    runner.getClass().getMethod("join").invoke(runner);
  }
}
