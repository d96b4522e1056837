using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

namespace AdaBN.Mpi;

/// <summary>
/// The calls of an MPI library that one collective needs (MPI standard 3.1). The standard fixes names in C, not numbers: handles are addresses of exported symbols in Open
/// MPI and 32-bit integers in MPICH and its kin. Both fit nint, so one binding serves.
/// </summary>
internal sealed unsafe partial class MpiLibrary
{
    public const int ThreadSerialized = 2; // MPI_THREAD_SERIALIZED
    private const int LongestText = 8192; // MPICH's MPI_MAX_LIBRARY_VERSION_STRING, the longest of all

    private readonly delegate* unmanaged<void*, void*, int, int*, int> _initThread;
    private readonly delegate* unmanaged<nint, int*, int> _rank, _size;
    private readonly delegate* unmanaged<void*, int, nint, int, int, nint, nint*, int> _isend, _irecv;
    private readonly delegate* unmanaged<void*, int, nint, void*, int*, int*, nint, nint, nint*, int> _iallgatherv;
    private readonly delegate* unmanaged<nint*, int*, void*, int> _test;
    private readonly delegate* unmanaged<nint, int, int> _abort;
    private readonly delegate* unmanaged<int, byte*, int*, int> _errorString;
    private readonly delegate* unmanaged<byte*, int*, int> _version;
    private readonly delegate* unmanaged<int> _finalize;
    private readonly nint _world, _byte;
    private readonly void* _statusIgnore;

    private MpiLibrary(nint library, string path)
    {
        nint Symbol(string name) => NativeLibrary.TryGetExport(library, name, out nint address) ? address
            : throw new MpiException($"'{path}' has no function {name}: it is no MPI library, or one before MPI 3.0. Give Open MPI's libmpi.so.40 or MPICH's libmpich.so.12.");
        _initThread = (delegate* unmanaged<void*, void*, int, int*, int>)Symbol("MPI_Init_thread");
        _rank = (delegate* unmanaged<nint, int*, int>)Symbol("MPI_Comm_rank");
        _size = (delegate* unmanaged<nint, int*, int>)Symbol("MPI_Comm_size");
        _isend = (delegate* unmanaged<void*, int, nint, int, int, nint, nint*, int>)Symbol("MPI_Isend");
        _irecv = (delegate* unmanaged<void*, int, nint, int, int, nint, nint*, int>)Symbol("MPI_Irecv");
        _iallgatherv = (delegate* unmanaged<void*, int, nint, void*, int*, int*, nint, nint, nint*, int>)Symbol("MPI_Iallgatherv");
        _test = (delegate* unmanaged<nint*, int*, void*, int>)Symbol("MPI_Test");
        _abort = (delegate* unmanaged<nint, int, int>)Symbol("MPI_Abort");
        _errorString = (delegate* unmanaged<int, byte*, int*, int>)Symbol("MPI_Error_string");
        _version = (delegate* unmanaged<byte*, int*, int>)Symbol("MPI_Get_library_version");
        _finalize = (delegate* unmanaged<int>)Symbol("MPI_Finalize");

        // Told by its exports, never by its file's name: both come as libmpi.so.
        if (NativeLibrary.TryGetExport(library, "ompi_mpi_comm_world", out _world))
        {
            _byte = Symbol("ompi_mpi_byte"); // ompi/include/mpi.h; MPI_STATUS_IGNORE is a null pointer
            IsOpenMpi = true;
        }
        else
        {
            (_world, _byte) = (0x44000000, 0x4c00010d); // mpi.h of MPICH and its ABI (Intel MPI, MVAPICH2)
            _statusIgnore = (void*)1;
        }
    }

    public bool IsOpenMpi { get; }

    public string Version
    {
        get
        {
            byte* text = stackalloc byte[LongestText];
            int length = 0;
            Check(_version(text, &length), "MPI_Get_library_version");
            return string.Join(' ', Encoding.UTF8.GetString(text, length).Split('\n')[0].Trim('\0', ' ', ',').Split((char[])['\t', ' '], StringSplitOptions.RemoveEmptyEntries));
        }
    }

    /// <summary>Loads the library at a path, or else the one of the launcher that started this process.</summary>
    public static MpiLibrary Load(string? path, bool preferOpenMpi)
    {
        KeepCrashHandlersOut();
        string[] openMpi = ["libmpi.so.40", "libmpi.40.dylib"], mpich = ["libmpich.so.12", "libmpi.so.12", "libmpi.12.dylib"];
        string[] names = path is not null ? [path] : preferOpenMpi ? [.. openMpi, .. mpich] : [.. mpich, .. openMpi];
        foreach (string name in names)
            if (NativeLibrary.TryLoad(name, out nint library)) return new MpiLibrary(library, name);
        throw new MpiException($"No MPI library was found ({string.Join(", ", names)}). Install Open MPI or MPICH (Debian: apt-get install openmpi-bin, or mpich), or give the library's path.");
    }

    public void InitializeThreads()
    {
        int provided;
        Check(_initThread(null, null, ThreadSerialized, &provided), "MPI_Init_thread");
        if (provided < ThreadSerialized)
            throw new MpiException(string.Create(CultureInfo.InvariantCulture, $"{Version} gives thread level {provided}, expected {ThreadSerialized} (MPI_THREAD_SERIALIZED): .NET's threads call it in turn."));
    }

    public int Rank => Ask(_rank, "MPI_Comm_rank");

    public int Size => Ask(_size, "MPI_Comm_size");

    public nint Send(byte* bytes, int count, int to, int tag)
    {
        nint request = 0; // MPICH writes four bytes of it
        Check(_isend(bytes, count, _byte, to, tag, _world, &request), "MPI_Isend");
        return request;
    }

    public nint Receive(byte* bytes, int count, int from, int tag)
    {
        nint request = 0;
        Check(_irecv(bytes, count, _byte, from, tag, _world, &request), "MPI_Irecv");
        return request;
    }

    public nint AllGather(byte* mine, int count, byte* all, int* counts, int* displacements)
    {
        nint request = 0;
        Check(_iallgatherv(mine, count, _byte, all, counts, displacements, _byte, _world, &request), "MPI_Iallgatherv");
        return request;
    }

    public bool IsDone(ref nint request)
    {
        int done = 0;
        fixed (nint* place = &request) Check(_test(place, &done, _statusIgnore), "MPI_Test");
        return done != 0;
    }

    public void Abort(int exitCode) => _ = _abort(_world, exitCode);

    public void Complete() => Check(_finalize(), "MPI_Finalize");

    private int Ask(delegate* unmanaged<nint, int*, int> function, string name)
    {
        int number;
        Check(function(_world, &number), name);
        return number;
    }

    private void Check(int code, string function)
    {
        if (code == 0) return;
        byte* text = stackalloc byte[LongestText];
        int length = 0;
        string what = _errorString(code, text, &length) == 0 ? Encoding.UTF8.GetString(text, length) : $"error {code}";
        throw new MpiException($"{function} failed: {what}");
    }

    /// <summary>
    /// UCX, which some builds of MPI load, takes SIGSEGV from .NET, and with it every NullReferenceException. .NET's own Environment is not the C library's, where UCX
    /// looks.
    /// </summary>
    private static void KeepCrashHandlersOut()
    {
        if (OperatingSystem.IsWindows()) return;
        _ = SetEnvironment("UCX_HANDLE_ERRORS", "none", 0);
        _ = SetEnvironment("UCX_ERROR_SIGNALS", "", 0);
    }

    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetEnvironment(string name, string value, int overwrite);
}
