// The echo server of the textbook: accept, start a thread, copy the streams.
//
// What java-threads is measured against. It differs from the book in what every
// server here has: backlog 4096, TCP_NODELAY, a 4096-byte buffer, 256 KiB of
// stack and the announce line. It knows `--addr A.B.C.D:PORT`, reads past every
// other flag of the contract, and ends at the first signal.

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;

public final class Main {
    private static final int BUFFER = 4096, BACKLOG = 4096, STACK = 256 * 1024;

    public static void main(String[] args) throws IOException {
        String[] addr = {"127.0.0.1", "8080"};
        for (int i = 0; i + 1 < args.length; i++)
            if (args[i].equals("--addr")) addr = args[i + 1].split(":");
        try (ServerSocket listener = new ServerSocket()) {
            listener.setReuseAddress(true);
            listener.bind(new InetSocketAddress(addr[0], Integer.parseInt(addr[1])), BACKLOG);
            System.out.println("LISTENING " + addr[0] + ":" + listener.getLocalPort()
                + " pid=" + ProcessHandle.current().pid()
                + " backend=blocking workers=1 buffer=" + BUFFER);
            while (true) {
                Socket socket = listener.accept();
                socket.setTcpNoDelay(true);
                new Thread(null, () -> echo(socket), "echo", STACK).start();
            }
        }
    }

    private static void echo(Socket socket) {
        try (socket) {
            var in = socket.getInputStream();
            var out = socket.getOutputStream();
            byte[] buffer = new byte[BUFFER];
            for (int n; (n = in.read(buffer)) >= 0; ) out.write(buffer, 0, n);
        } catch (IOException gone) {
            // The next connection is none the worse.
        }
    }
}
